"""Layers built as others were."""

import json

import keras
import pytest

from keras_moon.layers.recorded_builds import build_as_recorded
from keras_moon.layers.recorded_builds import recorded_builds


class NoBuild(keras.layers.Layer):
    """Sublayers build on first call; takes a nest or several arguments."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.left = keras.layers.Dense(4)
        self.many = [keras.Sequential([keras.layers.Dense(4)])]

    def call(self, inputs, context=None):
        if isinstance(inputs, dict):
            inputs, context = inputs["a"], inputs["b"]
        elif isinstance(inputs, (list, tuple)):
            inputs, context = inputs
        return self.left(inputs) + self.many[0](context)


class OwnBuild(keras.layers.Layer):
    """Creates a layer in `build`, which is built when called."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],))
        self.inner = keras.layers.Dense(2)

    def call(self, inputs):
        return self.inner(inputs * self.scale)


def shapes(layer):
    return [tuple(v.shape) for v in layer.weights]


def through_json(builds):
    serialized = keras.saving.serialize_keras_object(builds)
    return keras.saving.deserialize_keras_object(
        json.loads(json.dumps(serialized))
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda layer, a, b: layer([a, b]),
        lambda layer, a, b: layer({"a": a, "b": b}),
        lambda layer, a, b: layer(a, b),
        lambda layer, a, b: layer(a, context=b),
    ],
)
def test_a_layer_without_build(call):
    first, second = NoBuild(), NoBuild()
    call(first, keras.ops.ones((2, 3)), keras.ops.ones((2, 5)))
    build_as_recorded(second, through_json(recorded_builds(first)))
    assert second.built
    assert shapes(second) == shapes(first) == [(3, 4), (4,), (5, 4), (4,)]
    call(second, keras.ops.ones((2, 3)), keras.ops.ones((2, 5)))


def test_a_layer_made_in_build():
    first, second = OwnBuild(), OwnBuild()
    first(keras.ops.ones((2, 3)))
    build_as_recorded(second, through_json(recorded_builds(first)))
    assert shapes(second) == shapes(first) == [(3,), (3, 2), (2,)]


def test_a_layer_of_several_shapes():
    first = keras.layers.MultiHeadAttention(2, 4)
    first.build((1, 3, 8), (1, 5, 6))
    second = keras.layers.MultiHeadAttention(2, 4)
    build_as_recorded(second, through_json(recorded_builds(first)))
    assert shapes(second) == shapes(first)


def test_what_was_not_built_stays_so():
    first, second = OwnBuild(), OwnBuild()
    assert recorded_builds(first) == [None]
    build_as_recorded(second, [None])
    assert not second.built


def test_built_layers_stay_as_they_are():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    build_as_recorded(layer, [{"input_shape": (None, 7)}])
    assert shapes(layer) == [(3, 2), (2,)]
