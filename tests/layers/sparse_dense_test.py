"""SparseDense against Dense on the masked kernel."""

import keras
import numpy as np
import pytest

from keras_moon.layers.sparse_dense import SparseDense
from tests.layers import parity


@pytest.mark.parametrize(
    ("arguments", "shape", "nonzeros"),
    [
        ({}, (4, 10), 15),
        ({"use_bias": False}, (4, 10), 15),
        ({"activation": "gelu"}, (2, 3, 10), 15),
        ({"dense_gradient": False}, (4, 10), 15),
        ({"sparsity": 0.0}, (4, 10), 50),
        ({"sparsity": 0.999}, (4, 10), 1),
    ],
)
def test_equals_the_parent(arguments, shape, nonzeros):
    layer = SparseDense(5, **{"sparsity": 0.7, **arguments})
    parity.check_parity(layer, shape)
    parity.check_counts(layer, [nonzeros])
    parity.check_config_round_trip(layer, shape)


def test_takes_all_arguments_of_the_parent():
    arguments = {
        "units": 5,
        "use_bias": False,
        **parity.KERNEL,
        **parity.COMMON,
    }
    parity.check_takes_all_arguments(SparseDense, arguments, (2, 8))


def test_positional_arguments_are_those_of_the_parent():
    layer = SparseDense(5, "relu", False, sparsity=0.5)
    assert (layer.units, layer.use_bias) == (5, False)
    assert layer.activation is keras.activations.relu


def test_works_in_a_compiled_model_with_unknown_batch_size():
    model = keras.Sequential(
        [keras.Input((None, 6)), SparseDense(4, sparsity=0.5)]
    )
    assert model.output_shape == (None, None, 4)
    assert model.predict(np.ones((3, 2, 6)), verbose=0).shape == (3, 2, 4)
