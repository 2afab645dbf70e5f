"""Walking models: every layer once, by a path that depends on nothing else."""

import keras

from keras_moon.layers.sparse_dense import SparseDense
from keras_moon.layers.sparse_separable_conv import SparseSeparableConv2D
from keras_moon.layers.tree import kernel_path
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import sparse_layers
from keras_moon.layers.tree import sublayers
from keras_moon.layers.tree import walk


class Tower(keras.Model):
    """Layers in attributes, lists and dicts; one of them twice."""

    def __init__(self):
        super().__init__(name="tower")
        self.first = keras.layers.Dense(2, name="same")
        self.many = [keras.layers.Dense(2, name="same") for _ in range(2)]
        self.named = {"a": keras.layers.Dense(2, name="other")}
        self.again = self.first


def nested():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, name="a")], name="inner"
    )
    middle = keras.Sequential(
        [keras.Input((4,)), inner, keras.layers.Dense(4, name="b")],
        name="middle",
    )
    inputs = keras.Input((4,), name="in")
    outputs = keras.layers.Dense(4, name="c")(middle(middle(inputs)))
    return keras.Model(inputs, outputs, name="outer")


def test_paths_of_a_nested_model():
    assert [path for path, _ in walk(nested())] == [
        "in",
        "middle",
        "middle/inner",
        "middle/inner/a",
        "middle/b",
        "c",
    ]


def test_layers_of_one_name_and_layers_held_twice():
    assert [path for path, _ in walk(Tower())] == [
        "same",
        "same#2",
        "same#3",
        "other",
    ]


def test_sublayers_of_a_sequential_model_are_its_layers():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert sublayers(model) == model.layers


def test_layers_inside_composites():
    layer = keras.layers.MultiHeadAttention(2, 4, name="attention")
    layer.build((1, 3, 8), (1, 3, 8))
    paths = [path for path, _ in walk(layer)]
    for name in ("query", "key", "value", "attention_output"):
        assert name in paths
    inner = keras.layers.TimeDistributed(keras.layers.Dense(2, name="inner"))
    assert [path for path, _ in walk(inner)] == ["inner"]


def test_sparse_layers_and_their_kernels():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            SparseSeparableConv2D(4, 3, sparsity=0.5, name="conv"),
            keras.layers.Flatten(),
            SparseDense(2, sparsity=0.5, name="out"),
        ]
    )
    assert [path for path, _ in sparse_layers(model)] == ["conv", "out"]
    assert [path for path, _, _ in masked_kernels(model)] == [
        "conv/depthwise_kernel",
        "conv/pointwise_kernel",
        "out",
    ]
    assert kernel_path("out", SparseDense, "kernel") == "out"


def test_a_sparse_layer_is_a_model_of_one_kernel():
    layer = SparseDense(2, sparsity=0.5, name="alone")
    layer.build((None, 3))
    assert [path for path, _, _ in masked_kernels(layer)] == ["alone"]
