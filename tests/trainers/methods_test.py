import keras
import pytest

import keras_moon as km
from flags import SparsityConfig
from trainers.methods import make_sparse
from trainers.methods import method_callbacks


def dense_model():
    return keras.Sequential(
        [keras.Input((16,)), keras.layers.Dense(32), keras.layers.Dense(4)]
    )


def test_dense_is_the_network_itself():
    model, config = dense_model(), SparsityConfig(method="dense")
    assert make_sparse(model, config, seed=0) is model
    assert method_callbacks(config, seed=0) == []


@pytest.mark.parametrize(
    ("method", "callback", "taps"),
    [
        ("static", km.callbacks.StaticSparse, False),
        ("set", km.callbacks.SET, False),
        ("rigl", km.callbacks.RigL, True),
    ],
)
def test_sparse_methods(method, callback, taps):
    config = SparsityConfig(method=method, sparsity=0.75)
    model = make_sparse(dense_model(), config, seed=0)
    kernels = [k for layer in model.layers for k in layer.masked_kernels]
    nonzeros = sum(kernel.target_nonzeros for kernel in kernels)
    assert nonzeros == pytest.approx(0.25 * (16 * 32 + 32 * 4), abs=2)
    assert [kernel.tap is not None for kernel in kernels] == [taps, taps]
    first, logger = method_callbacks(config, seed=3)
    assert type(first) is callback
    assert isinstance(logger, km.callbacks.SparsityLogger)


def test_settings_reach_the_callback():
    config = SparsityConfig(
        method="rigl",
        update_freq_steps=7,
        drop_fraction=0.5,
        stop_fraction=0.6,
    )
    rigl, _ = method_callbacks(config, seed=11)
    assert rigl.update_rule == km.sparsity.UpdateRule(
        every_steps=7, stop_fraction=0.6
    )
    assert rigl.updater.drop_fraction == km.sparsity.CosineDropFraction(0.5)
    assert rigl.updater.seed == 11


def test_distribution_and_seed_reach_the_masks():
    def masks(**settings):
        seed = settings.pop("seed", 0)
        config = SparsityConfig(sparsity=0.5, **settings)
        model = make_sparse(dense_model(), config, seed)
        return [
            keras.ops.convert_to_numpy(kernel.mask.value)
            for layer in model.layers
            for kernel in layer.masked_kernels
        ]

    uniform = masks(distribution="uniform")
    assert [mask.mean() for mask in uniform] == [0.5, 0.5]
    assert [mask.mean() for mask in masks(distribution="erk")] != [0.5, 0.5]
    other = masks(distribution="uniform", seed=1)
    assert any((a != b).any() for a, b in zip(uniform, other, strict=True))
