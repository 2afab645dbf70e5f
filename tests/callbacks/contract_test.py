"""What every method promises, checked over all of them."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from tests.training.small_runs import AssertExact
from tests.training.small_runs import assert_exact
from tests.training.small_runs import classifier
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import data
from tests.training.small_runs import fit
from tests.training.small_runs import kernels
from tests.training.small_runs import loss_function
from tests.training.small_runs import masks
from tests.training.small_runs import masks_equal


class GradientTimesLuck(km.callbacks.MaskUpdate):
    """A method of a user's own."""

    needs_dense_gradient = True

    def grow_scores(self, inputs):
        return ops.abs(inputs.gradient) * inputs.uniform


MOVING = {
    "rigl": km.callbacks.RigL,
    "set": km.callbacks.SET,
    "own": GradientTimesLuck,
}
METHODS = {**MOVING, "static": lambda **kwargs: km.callbacks.StaticSparse()}


@pytest.fixture(params=METHODS)
def method(request):
    return METHODS[request.param]


@pytest.fixture(params=MOVING)
def moving(request):
    return MOVING[request.param]


def train(method, model=None, seed=0, epochs=2, **kwargs):
    model = compiled_classifier(**kwargs) if model is None else model
    exact = AssertExact()
    fit(model, [method(update_freq=4, seed=seed), exact], epochs=epochs)
    assert len(exact.history) > 0
    return model, exact


def test_counts_are_exact_and_weights_zero_after_every_batch(method):
    model, exact = train(method)
    assert_exact(model)
    expected = [] if method is METHODS["static"] else [4, 8]
    assert exact.changes == expected


def test_two_runs_with_one_seed_are_bitwise_equal(method):
    (first, _), (second, _) = train(method), train(method)
    for one, other in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(one.value), ops.convert_to_numpy(other.value)
        )
    for one, other in zip(
        first.optimizer.variables, second.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(one.value), ops.convert_to_numpy(other.value)
        )


@pytest.mark.parametrize("name, differs", [("rigl", False), ("set", True)])
def test_another_seed_matters_where_luck_does(name, differs):
    (first, _), (second, _) = (train(MOVING[name], seed=s) for s in (0, 1))
    assert masks_equal(masks(first), masks(second)) is not differs


@pytest.mark.parametrize("name", ["rigl", "set"])
def test_with_and_without_xla_masks_are_the_same(name):
    (first, exact), (second, _) = (
        train(MOVING[name], jit_compile=jit, epochs=1) for jit in (True, False)
    )
    assert exact.changes == [4]
    assert masks_equal(masks(first), masks(second))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    model, exact = train(km.callbacks.RigL)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled is (policy == "mixed_float16")
    assert exact.changes == [4, 8]


def test_loss_scaling_leads_to_the_masks_without_it():
    """The scale is a power of two: it changes no bit of a gradient."""
    found = []
    for scale in (None, 1024.0):
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        if scale:
            optimizer = keras.optimizers.LossScaleOptimizer(
                optimizer, initial_scale=scale
            )
        model, _ = train(km.callbacks.RigL, optimizer=optimizer)
        found.append(masks(model))
    assert masks_equal(*found)


def every_layer():
    """Each kind of sparse layer once, with one or two kernels."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.SeparableConv2D(8, 3, name="separable")(x)
    x = keras.layers.Conv2DTranspose(4, 2, name="transpose")(x)
    x = keras.layers.Reshape((-1, 4))(x)
    x = keras.layers.EinsumDense("abc,cd->abd", (25, 5), name="einsum")(x)
    x = keras.layers.Conv1D(4, 3, name="conv1d")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="dense")(x))


def test_every_kind_of_layer(method):
    model = km.sparsify(every_layer(), sparsity=0.8, seed=0)
    before = masks(model)
    assert len(before) >= 6
    x, y = data(48)
    x = np.tile(x[:, None, None, :3], (1, 8, 8, 1))
    x *= np.random.default_rng(0).normal(size=x.shape).astype("float32")
    model.compile(keras.optimizers.Adam(0.01), loss_function())
    exact = AssertExact()
    callback = method(update_freq=2)
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[callback, exact])
    moved = {p for p, mask in masks(model).items() if (mask != before[p]).any()}
    movable = {p for p, _, k in masked_kernels(model) if not k.is_dense}
    if method is METHODS["static"]:
        assert moved == set()
    else:
        assert {"conv", "transpose", "einsum", "conv1d", "dense"} <= movable
        assert moved <= movable and len(moved) >= len(movable) - 1


def test_at_extreme_sparsity_a_weight_is_left(method):
    model, _ = train(
        method, sparsity=0.999, sparsify={"distribution": "uniform"}
    )
    counts = [int(mask.sum()) for mask in masks(model).values()]
    assert counts == [1, 1]


def test_ties_everywhere(moving):
    """All weights, all gradients alike: counts hold, lower indices win."""
    model = classifier(0.5)
    for _, _, kernel in masked_kernels(model):
        kernel.kernel.assign(np.array(kernel.mask, "float32"))
        if kernel.tap is not None:
            kernel.tap.assign(np.ones(kernel.mask.shape, "float32"))
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    method = moving(
        update_freq=1,
        stop_step=9,
        drop_fraction=km.sparsity.ConstantDropFraction(0.5),
        regrow_dropped=False,
    )
    updater = method.updater
    for _ in range(3):
        before = masks(model)
        assert updater.step(model, optimizer)
        assert_exact(model)
        assert not masks_equal(before, masks(model))


def test_saved_weights_are_exactly_zero_off_the_mask(method, tmp_path):
    """Whichever of the two callbacks stands first."""
    for first in (True, False):
        path = str(tmp_path / f"{first}.keras")
        callbacks = [method(update_freq=4, stop_step=8)]
        checkpoint = keras.callbacks.ModelCheckpoint(path)
        callbacks.insert(0 if first else 1, checkpoint)
        model = compiled_classifier()
        fit(model, callbacks, epochs=1)
        loaded = keras.saving.load_model(path)
        assert_exact(loaded)
        assert masks_equal(masks(loaded), masks(model))
        for name, kernel in kernels(loaded).items():
            np.testing.assert_array_equal(kernel, kernels(model)[name])


def test_the_model_learns():
    model = compiled_classifier(metrics=["accuracy"])
    history = fit(model, km.callbacks.RigL(update_freq=4), epochs=12)
    accuracy = history.history["accuracy"]
    assert accuracy[-1] > 0.7 > accuracy[0]
