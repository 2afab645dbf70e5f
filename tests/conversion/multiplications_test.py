"""Multiplications counted by watching layers, against counts by hand."""

import keras
import numpy as np
import pytest

import keras_moon as km
from keras_moon.conversion.multiplications import count_macs
from keras_moon.conversion.multiplications import kernels_of
from keras_moon.conversion.multiplications import kind_of


def _macs(model, *names, **kwargs):
    counts = count_macs(model, **kwargs)
    return [counts[id(model.get_layer(name))] for name in names]


def test_convolutions_by_hand():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, padding="same", name="same"),
            keras.layers.Conv2D(6, 3, strides=2, groups=2, name="grouped"),
            keras.layers.DepthwiseConv2D(2, name="depthwise"),
            keras.layers.SeparableConv2D(5, 2, name="separable"),
            keras.layers.Conv2DTranspose(2, 3, strides=2, name="transposed"),
            keras.layers.Flatten(),
            keras.layers.Dense(7, name="dense"),
        ]
    )
    assert _macs(
        model, "same", "grouped", "depthwise", "separable", "transposed"
    ) == [
        # 8x8 outputs; 3x3 of 2 channels at 3x3 outputs; 2x2 per channel at
        # 2x2; 2x2x6 + 6x5 at 1x1; from a 1x1 input.
        (64 * 3 * 3 * 3 * 4,) * 2,
        (9 * 3 * 3 * 2 * 6,) * 2,
        (4 * 2 * 2 * 6,) * 2,
        (2 * 2 * 6 + 6 * 5,) * 2,
        (3 * 3 * 2 * 5,) * 2,
    ]
    assert _macs(model, "dense") == [(3 * 3 * 2 * 7,) * 2]


def test_sparse_layers_count_what_is_active():
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), keras.layers.Conv2D(5, 3, name="conv")]
    )
    sparse = km.sparsify(model, sparsity=0.9)
    # floor(0.9 * 90) zeros leave 9 weights, at 2x2 positions.
    assert _macs(sparse, "conv") == [(4 * 9, 4 * 90)]


def test_shared_layers_count_each_call():
    layer = keras.layers.Dense(3, name="shared")
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], layer(a) + layer(b))
    assert _macs(model, "shared") == [(24, 24)]


def test_layers_inside_composites_are_seen():
    x = keras.Input((5, 16))
    attention = keras.layers.MultiHeadAttention(2, 8, name="attention")
    model = keras.Model(x, attention(x, x))
    counts = count_macs(model)
    # Four projections of 16 x 16 at 5 positions.
    assert sorted(counts.values()) == [(5 * 256, 5 * 256)] * 4


def test_watching_leaves_no_trace():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    layer = model.layers[0]
    before = len(layer._inbound_nodes), set(vars(layer))
    count_macs(model)
    assert (len(layer._inbound_nodes), set(vars(layer))) == before
    assert "call" not in vars(layer)


def test_unknown_input_shape_warns_and_can_be_given():
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3, name="conv")]
    )
    with pytest.warns(UserWarning, match="Pass `input_shape`"):
        assert count_macs(model) is None
    assert _macs(model, "conv", input_shape=(None, 5, 5, 3)) == [
        (9 * 54, 9 * 54)
    ]


def test_dict_inputs():
    inputs = {
        "a": keras.Input((4,), name="a"),
        "b": keras.Input((4,), name="b"),
    }
    outputs = keras.layers.Dense(2, name="out")(inputs["a"] + inputs["b"])
    assert _macs(keras.Model(inputs, outputs), "out") == [(8, 8)]


def test_kind_is_that_of_the_keras_parent():
    class Custom(keras.layers.Dense):
        pass

    assert kind_of(km.layers.SparseConv2D(2, 3)) == "Conv2D"
    assert kind_of(Custom(2)) == "Dense"
    assert kind_of(keras.layers.BatchNormalization()) is None
    assert kernels_of(keras.layers.Dropout(0.5)) == []


def test_published_resnet50_multiplications():
    # Keras's ResNet-50 strides in the 1x1 convolutions, as He et al. 2016
    # did: 3.858e9, where the version with stride in the 3x3 has 4.089e9.
    model = keras.applications.ResNet50(weights=None)
    total = np.sum([dense for _, dense in count_macs(model).values()])
    assert total == 3_857_973_248
