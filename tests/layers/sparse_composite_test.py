"""Composites keep their class, and their masks through a configuration."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.sparse_composite import SparseCompositeMixin
from keras_moon.layers.sparse_composite import make_composite
from keras_moon.layers.sparse_composite import make_plain_composite
from keras_moon.layers.sparse_composite import plain_class
from keras_moon.layers.swap import make_plain
from keras_moon.layers.swap import make_sparse
from keras_moon.layers.swap import sparse_options
from keras_moon.layers.tree import walk
from tests.layers import parity


@keras.saving.register_keras_serializable("sparse_composite_test")
class Pair(layers.Layer):
    """No `build`, two arguments, layers in a list."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.both = [layers.Dense(units), layers.Dense(units)]

    def call(self, inputs, other):
        return self.both[0](inputs) + self.both[1](other)


@keras.saving.register_keras_serializable("sparse_composite_test")
class Fickle(layers.Layer):
    """Rebuilt from its configuration it has other layers."""

    made = 0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        type(self).made += 1
        self.inner = layers.Dense(3) if self.made == 1 else layers.ReLU()

    def call(self, inputs):
        return self.inner(inputs)


def attention():
    layer = layers.MultiHeadAttention(2, 3, name="attention")
    layer.build((1, 4, 6), (1, 5, 6))
    return layer, [parity.data((2, 4, 6)), parity.data((2, 5, 6), seed=1)]


def pair():
    layer = Pair(3, name="pair")
    inputs = [parity.data((2, 4)), parity.data((2, 5), seed=1)]
    layer(*inputs)
    return layer, inputs


def time_distributed():
    layer = layers.TimeDistributed(layers.Dense(3), name="each")
    layer.build((None, 4, 6))
    return layer, [parity.data((2, 4, 6))]


def make_all_sparse(layer):
    options = {"dense_gradient": True, "rounding": "floor"}
    for index, (_, inner) in enumerate(walk(layer)):
        if isinstance(inner, (layers.Dense, layers.EinsumDense)):
            make_sparse(inner, {"sparsity": 0.5, "mask_seed": index, **options})
    make_composite(layer)


@pytest.mark.parametrize("make", [attention, pair, time_distributed])
def test_a_configuration_brings_back_the_sparse_layers(make):
    layer, inputs = make()
    cls = type(layer)
    make_all_sparse(layer)
    assert isinstance(layer, cls)
    assert isinstance(layer, SparseCompositeMixin)
    assert plain_class(layer) is cls

    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert config["registered_name"] == "keras_moon>SparseComposite"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.name == layer.name
    old = [x for _, x in walk(layer) if isinstance(x, MaskedKernelMixin)]
    new = [x for _, x in walk(again) if isinstance(x, MaskedKernelMixin)]
    assert [sparse_options(x) for x in new] == [sparse_options(x) for x in old]
    for x, y in zip(old, new, strict=True):
        np.testing.assert_array_equal(
            parity.array(x.masked_kernels[0].mask),
            parity.array(y.masked_kernels[0].mask),
        )
    for before, after in zip(layer.weights, again.weights, strict=True):
        after.assign(before)
    np.testing.assert_array_equal(
        parity.array(layer(*inputs)), parity.array(again(*inputs))
    )


def test_there_and_back():
    layer, _ = attention()
    make_all_sparse(layer)
    make_composite(layer)  # Twice is once.
    make_plain_composite(layer)
    for _, inner in walk(layer):
        if isinstance(inner, MaskedKernelMixin):
            make_plain(inner)
    assert type(layer) is layers.MultiHeadAttention
    config = keras.saving.serialize_keras_object(layer)
    assert config["class_name"] == "MultiHeadAttention"


def test_serializing_leaves_the_class():
    layer, _ = pair()
    make_all_sparse(layer)
    cls = type(layer)
    layer.get_config()
    assert type(layer) is cls


def test_another_architecture_is_an_error_never_a_lost_mask():
    layer = Fickle(name="fickle")
    layer(np.ones((1, 4)))
    make_all_sparse(layer)
    config = layer.get_config()
    message = "'fickle'.*sparse layer at position 0.*ReLU.*`load_weights`"
    with pytest.raises(ValueError, match=message):
        type(layer).from_config(config)


def test_classes_are_made_once():
    first, second = pair()[0], pair()[0]
    make_all_sparse(first)
    make_all_sparse(second)
    assert type(first) is type(second)
