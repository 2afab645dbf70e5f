import keras
import numpy as np
import pytest

from flags import ModelConfig
from trainers.digits_model import build_digits_model

X = np.random.default_rng(0).random((6, 8, 8, 1)).astype("float32")


def build(seed=0, **config):
    return build_digits_model(ModelConfig(**config), (8, 8, 1), 10, seed)


def test_returns_one_logit_per_class():
    assert build(width=4).predict(X, verbose=0).shape == (6, 10)


def test_augmentation_and_dropout_are_off_outside_of_training():
    model = build(width=4)
    first, second = (np.asarray(model(X, training=False)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    noisy = [
        keras.ops.convert_to_numpy(model(X, training=True)) for _ in range(2)
    ]
    assert np.abs(noisy[0] - noisy[1]).max() > 1e-3


def test_the_seed_decides_the_weights():
    def kernels(seed):
        return np.concatenate(
            [w.ravel() for w in build(seed, width=4).get_weights()]
        )

    np.testing.assert_array_equal(kernels(3), kernels(3))
    assert (kernels(3) != kernels(4)).any()


@pytest.mark.parametrize("width", [1, 3])
def test_the_width_is_that_of_the_first_block(width):
    model = build(width=width)
    assert [model.get_layer(f"conv{i}").filters for i in (1, 2, 3, 4)] == [
        width,
        2 * width,
        2 * width,
        4 * width,
    ]


def test_no_two_layers_share_a_seed():
    seeds = [
        layer.seed if hasattr(layer, "seed") else layer.kernel_initializer.seed
        for layer in build().layers
        if hasattr(layer, "seed") or hasattr(layer, "kernel_initializer")
    ]
    assert len(seeds) == 8
    assert len(set(seeds)) == 8
