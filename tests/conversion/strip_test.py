"""`strip` gives an ordinary model with equal outputs."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import walk
from tests.conversion import models
from tests.layers import parity


def is_plain(model):
    for cls in {type(layer) for _, layer in walk(model)} | {type(model)}:
        if any(c.__module__.startswith("keras_moon") for c in cls.__mro__):
            return False
    return not masked_kernels(model)


@pytest.mark.parametrize(
    "name", [n for n in models.ZOO if n not in ("shared", "registered")]
)
@pytest.mark.filterwarnings("ignore:.*in place")
def test_there_and_back(name):
    make, shape, expected, in_place = models.ZOO[name]
    original = make()
    kinds = [type(layer) for _, layer in walk(original)]
    variables = [tuple(v.shape) for v in original.weights]
    sparse = km.sparsify(original, sparsity=0.75)
    zeros = sum(
        k.size - k.target_nonzeros for _, _, k in masked_kernels(sparse)
    )
    x = parity.data((3, *shape), seed=4)
    outputs = parity.array(sparse(x))

    plain = km.strip(sparse)
    assert is_plain(plain)
    assert [type(layer) for _, layer in walk(plain)] == kinds
    assert [tuple(v.shape) for v in plain.weights] == variables
    np.testing.assert_array_equal(parity.array(plain(x)), outputs)
    stored = sum(
        int(np.sum(parity.array(v) == 0))
        for v in plain.weights
        if "kernel" in v.name
    )
    assert stored == zeros
    assert (plain is sparse) == in_place
    if not in_place:
        assert [p for p, _, k in masked_kernels(sparse) if not k.is_dense] == (
            expected
        )
        np.testing.assert_array_equal(parity.array(sparse(x)), outputs)
    again = km.sparsify(plain, sparsity=0.75, mask_init="magnitude")
    np.testing.assert_array_equal(parity.array(again(x)), outputs)


def test_weights_off_the_mask_do_not_come_back():
    model = km.sparsify(models.nested(), sparsity=0.5)
    x = parity.data((3, 6))
    outputs = parity.array(model(x))
    for _, _, kernel in masked_kernels(model):
        mask = parity.array(kernel.mask)
        kernel.kernel.assign(parity.array(kernel.kernel) + 9 * (1 - mask))
    np.testing.assert_array_equal(parity.array(km.strip(model)(x)), outputs)


def test_a_model_without_sparse_layers_is_copied():
    model = models.nested()
    copied = km.strip(model)
    x = parity.data((3, 6))
    assert copied is not model
    np.testing.assert_array_equal(
        parity.array(copied(x)), parity.array(model(x))
    )


def test_the_plain_model_can_be_quantized_and_trained():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    plain = km.strip(km.sparsify(model, sparsity=0.5))
    plain.compile("sgd", "mse")
    plain.fit(parity.data((4, 6)), np.zeros((4, 4)), verbose=0)
    plain.quantize("int8")
    assert plain.layers[0].quantization_mode == "int8"


def test_frozen_sparse_layers_stay_frozen():
    model = km.sparsify(models.nested(), sparsity=0.5)
    model.trainable = False
    plain = km.strip(model)
    assert not plain.trainable
    assert plain.trainable_weights == []
