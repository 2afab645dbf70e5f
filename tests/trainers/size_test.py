import keras
import pytest

import keras_moon as km
from flags import SparsityConfig
from trainers.methods import make_sparse
from trainers.size import size_metrics


def model(config):
    dense = keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(32, name="hidden"),
            keras.layers.Dense(4, name="logits"),
        ]
    )
    return make_sparse(dense, config, seed=0)


def test_a_dense_network():
    config = SparsityConfig(method="dense")
    metrics = size_metrics(model(config), config)
    weights = 16 * 32 + 32 * 4
    assert metrics["parameters"] == metrics["nonzeros"] == weights + 36
    assert metrics["density"] == 1.0
    assert metrics["flops"] == metrics["dense_flops"] == 2 * weights
    assert metrics["training_flops_fraction"] == 1.0


@pytest.mark.parametrize("method", ["static", "set", "rigl"])
def test_a_sparse_network(method):
    config = SparsityConfig(
        method=method,
        sparsity=0.75,
        distribution="uniform",
        update_freq_steps=9,
    )
    sparse = model(config)
    metrics = size_metrics(sparse, config)
    assert metrics["layers"] == [
        {"name": "hidden", "size": 512, "nonzeros": 128},
        {"name": "logits", "size": 128, "nonzeros": 32},
    ]
    assert metrics["parameters"] == 640 + 36
    assert metrics["nonzeros"] == 160 + 36
    assert metrics["density"] == 0.25
    assert metrics["flops"] == 2 * 160
    # RigL: a dense gradient in one of ten steps.
    fraction = (3 * 9 * 0.25 + 2 * 0.25 + 1) / 10 / 3
    expected = fraction if method == "rigl" else 0.25
    assert metrics["training_flops_fraction"] == pytest.approx(expected)


def test_prints_nothing(capsys):
    config = SparsityConfig(method="dense")
    size_metrics(model(config), config)
    assert capsys.readouterr().out == ""
    assert km.summary(model(config)).nonzeros > 0
    assert capsys.readouterr().out != ""
