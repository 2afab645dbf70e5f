"""The kept dense gradient against an independent one."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from keras_moon.training.dense_gradients import check_dense_gradients
from keras_moon.training.dense_gradients import check_moving_average
from keras_moon.training.dense_gradients import gradient_scale
from tests.training.small_runs import CLASSES
from tests.training.small_runs import batches
from tests.training.small_runs import classifier
from tests.training.small_runs import compiled_classifier


def independent_gradient(model, x, y):
    """dL/dkernel of a plain network with these weights, in NumPy."""
    w1, b1, w2, b2 = (
        np.asarray(ops.convert_to_numpy(v.value), "float64")
        for name in ("a", "b")
        for v in (model.get_layer(name).kernel, model.get_layer(name).bias)
    )
    hidden = np.tanh(x @ w1 + b1)
    logits = hidden @ w2 + b2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    upstream = (p - np.eye(CLASSES)[y]) / len(x)
    before_tanh = (upstream @ w2.T) * (1.0 - hidden**2)
    return {"a": x.T @ before_tanh, "b": hidden.T @ upstream}


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.1),
        lambda: keras.optimizers.AdamW(weight_decay=0.1),
        lambda: keras.optimizers.SGD(0.1, clipnorm=1e-3),
        lambda: keras.optimizers.SGD(0.1, global_clipnorm=1e-3),
        lambda: keras.optimizers.SGD(0.1, loss_scale_factor=64.0),
        lambda: keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.1), initial_scale=256.0
        ),
    ],
    ids=["sgd", "adamw", "clipnorm", "global_clip", "factor", "loss_scale"],
)
def test_it_equals_the_gradient_of_the_plain_network(make):
    model = compiled_classifier(make())
    for x, y in list(batches())[:3]:
        expected = independent_gradient(model, x, y)
        model.train_on_batch(x, y)
        found = km.training.dense_gradients(model)
        assert found.keys() == expected.keys()
        for path, gradient in found.items():
            np.testing.assert_allclose(
                ops.convert_to_numpy(gradient), expected[path], atol=1e-5
            )
            # It reaches the inactive weights: that is the point of it.
            _, _, kernel = next(
                k for k in masked_kernels(model) if k[0] == path
            )
            inactive = ~ops.convert_to_numpy(kernel.mask.value)
            assert np.abs(expected[path][inactive]).max() > 1e-3


def test_regularizers_are_not_part_of_it():
    model = classifier()
    for layer in model.layers:
        layer.kernel.regularizer = keras.regularizers.L2(10.0)
    assert len(model.losses) == 2
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x, y = next(batches())
    expected = independent_gradient(model, x, y)
    model.train_on_batch(x, y)
    for path, gradient in km.training.dense_gradients(model).items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(gradient), expected[path], atol=1e-5
        )


def test_mixed_precision_is_unscaled():
    x, y = next(batches())
    plain = compiled_classifier()
    expected = independent_gradient(plain, x, y)
    keras.config.set_dtype_policy("mixed_float16")
    model = compiled_classifier()
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    model.train_on_batch(x, y)
    taps = {p: ops.convert_to_numpy(k.tap) for p, _, k in masked_kernels(model)}
    for path, gradient in km.training.dense_gradients(model).items():
        gradient = ops.convert_to_numpy(gradient)
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, expected[path], atol=2e-3)
        np.testing.assert_allclose(taps[path] / 2.0**15, gradient, rtol=1e-6)


def test_kernels_without_zeros_are_left_out():
    model = classifier(0.7, overrides={"b": 0.0})
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((2, 12), "float32"), np.ones((2, 3)))
    assert list(km.training.dense_gradients(model)) == ["a"]


def test_the_scale_of_each_kind_of_optimizer():
    assert gradient_scale(None) == 1.0
    assert gradient_scale(keras.optimizers.SGD()) == 1.0
    assert gradient_scale(keras.optimizers.SGD(loss_scale_factor=8.0)) == 8.0
    scaled = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(), initial_scale=32.0
    )
    scaled.build(classifier().trainable_variables)
    assert float(gradient_scale(scaled)) == 32.0


def test_layers_that_keep_none_are_named():
    model = classifier(dense_gradient=False)
    optimizer = keras.optimizers.SGD()
    with pytest.raises(ValueError, match=r"\['a', 'b'\].*dense_gradient=True"):
        check_dense_gradients(model, optimizer)
    model.compile(optimizer, "mse")
    with pytest.raises(ValueError, match="SET"):
        km.training.dense_gradients(model)


def test_frozen_and_dense_layers_need_none():
    model = classifier(dense_gradient=False, overrides={"b": 0.0})
    model.get_layer("a").trainable = False
    check_dense_gradients(model, keras.optimizers.SGD())


@pytest.mark.parametrize("scaled", [False, True])
def test_accumulation_and_moving_averages_are_refused(scaled):
    def wrap(optimizer):
        if not scaled:
            return optimizer
        return keras.optimizers.LossScaleOptimizer(optimizer)

    model = classifier()
    accumulating = keras.optimizers.Adam(gradient_accumulation_steps=4)
    with pytest.raises(ValueError, match="maximum.*accumulation_steps=4.*SET"):
        check_dense_gradients(model, wrap(accumulating))
    averaging = wrap(keras.optimizers.Adam(use_ema=True))
    with pytest.raises(ValueError, match=r"Adam\(use_ema=True\).*dense_grad"):
        check_moving_average(model, averaging)
    check_moving_average(classifier(dense_gradient=False), averaging)
