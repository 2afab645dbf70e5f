"""Calling layers on shapes."""

import keras
import pytest

from keras_moon.layers.symbolic_call import symbolic_call
from keras_moon.layers.symbolic_call import symbolic_tensors


class Recording(keras.layers.Layer):
    """Adds two inputs; remembers how often it really ran."""

    calls = 0

    def call(self, inputs, context=None):
        self.calls += 1
        return keras.ops.matmul(inputs, context)


def test_a_symbolic_call_runs_the_layer_and_leaves_no_node():
    layer = Recording()
    layer.calls = 0
    left, right = keras.KerasTensor((2, 3)), keras.KerasTensor((3, 5))
    outputs = symbolic_call(layer, left, context=right)
    assert outputs.shape == (2, 5)
    assert layer.calls == 1
    assert layer._inbound_nodes == []


def test_layers_inside_a_functional_model_are_called():
    inner = Recording()
    inputs = keras.Input((4, 4))
    model = keras.Model(inputs, inner(inputs, context=inputs))
    inner.calls = 0
    outputs = symbolic_call(model, keras.KerasTensor((2, 4, 4)))
    assert outputs.shape == (2, 4, 4)
    assert inner.calls == 1


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((None, 3), (None, 3)),
        ([2, 3], (2, 3)),
        ((), ()),
        ([(2, 3), [4]], [(2, 3), (4,)]),
        ({"a": (2, 3), "b": [(4,)]}, {"a": (2, 3), "b": [(4,)]}),
    ],
)
def test_tensors_of_a_nest_of_shapes(shape, expected):
    tensors = symbolic_tensors(shape)
    shapes = keras.tree.map_structure(lambda tensor: tensor.shape, tensors)
    assert shapes == expected
