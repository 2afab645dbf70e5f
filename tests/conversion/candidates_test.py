"""Which kernels can be made sparse, with which shapes, and why not."""

import keras
import pytest
from keras import layers

from keras_moon.conversion.candidates import find_candidates
from keras_moon.conversion.candidates import own_variables
from tests.conversion import models


def model_of(*inner, shape=(8,)):
    return keras.Sequential([keras.Input(shape), *inner])


def reasons(model):
    return find_candidates(model)[1]


@pytest.mark.parametrize(
    ("equation", "output_shape", "inputs", "fans"),
    [
        ("ab,bc->ac", 6, (8,), (8, 6)),
        ("abc,cde->abde", (None, 2, 3), (5, 8), (8, 6)),
        ("abde,dec->abc", (None, 4), (5, 2, 3), (6, 4)),
        ("...x,xy->...y", 6, (8,), (8, 6)),
        ("abc,bcd->abd", (5, 4), (5, 3), (3, 20)),
    ],
)
def test_einsum_kernels_count_as_matrices(equation, output_shape, inputs, fans):
    layer = layers.EinsumDense(equation, output_shape, name="einsum")
    (candidate,), _ = find_candidates(model_of(layer, shape=inputs))
    assert candidate.shape == fans


def test_attention_counts_as_its_four_projections():
    inputs = keras.Input((4, 6))
    layer = layers.MultiHeadAttention(2, 3, name="attention")
    found, _ = find_candidates(keras.Model(inputs, layer(inputs, inputs)))
    assert {c.path: c.shape for c in found} == {
        "attention/query": (6, 6),
        "attention/key": (6, 6),
        "attention/value": (6, 6),
        "attention/attention_output": (6, 6),
    }


def test_depthwise_kernels_are_dense_by_default():
    found, _ = find_candidates(models.functional())
    assert {c.path: c.dense_by_default for c in found} == {
        "separable/depthwise_kernel": True,
        "separable/pointwise_kernel": False,
        "depthwise": True,
        "up": False,
        "logits": False,
    }


def test_a_shared_layer_is_one_candidate():
    found, untreatable = find_candidates(models.shared())
    assert [c.path for c in found] == ["twice"]
    assert untreatable == {}


def test_a_shared_kernel_names_all_who_share_it():
    first, second = layers.Dense(8, name="one"), layers.Dense(8, name="two")
    model = model_of(first, second, layers.Dense(8, name="three"))
    second._tracker.unlock()
    second._untrack_variable(second._kernel)
    second._kernel = first._kernel
    second._tracker.lock()
    reason = "its kernel is shared by ['one', 'two']"
    assert reasons(model) == {"one": reason, "two": reason}


def test_frozen_and_half_frozen_layers():
    model = model_of(
        layers.Dense(8, name="whole", trainable=False),
        layers.Dense(8, name="kernel"),
        layers.Dense(8, name="bias"),
    )
    model.get_layer("kernel").kernel.trainable = False
    model.get_layer("bias").bias.trainable = False
    assert set(reasons(model)) == {"whole", "kernel"}
    assert "frozen" in reasons(model)["kernel"]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("layer", "shape", "path"),
    [
        (layers.Conv1DTranspose(4, 3, name="up"), (8, 3), "up"),
        (layers.DepthwiseConv1D(3, name="depth"), (8, 3), "depth"),
        (layers.SeparableConv1D(4, 3, name="sep"), (8, 3), "sep"),
        (layers.GRU(4, name="gru"), (8, 3), "gru/gru_cell"),
        (layers.Embedding(9, 4, name="words"), (8,), "words"),
    ],
)
def test_layers_without_a_sparse_counterpart(layer, shape, path, frozen):
    layer = type(layer).from_config(layer.get_config())
    layer.trainable = not frozen
    found = reasons(model_of(layer, shape=shape))
    assert list(found) == [path]
    assert "has no sparse counterpart" in found[path]


def test_subclasses_of_treatable_layers_are_listed():
    class Mine(layers.Dense):
        pass

    found = reasons(model_of(Mine(4, name="mine")))
    assert found == {"mine": "Mine has no sparse counterpart"}


def test_layers_without_matrices_are_not_listed():
    model = model_of(
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.Dropout(0.5),
        layers.PReLU(),
        layers.Dense(4),
    )
    assert reasons(model) == {}


def test_own_variables_are_those_of_no_inner_layer():
    layer = models.Block(3)
    layer.build((None, 4))
    assert own_variables(layer) == []
    assert own_variables(layer.inner) == layer.inner.variables
