"""Copies of models: what Keras can clone, and what is said where it cannot."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from keras_moon.conversion.cloning import clone_or_self
from keras_moon.conversion.cloning import is_graph
from keras_moon.layers.tree import walk
from tests.conversion import models
from tests.layers import parity


def clone(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return clone_or_self(model, "test")


def check_in_place(model, reason):
    with pytest.warns(UserWarning, match=f"`test` changed.*place.*{reason}"):
        assert clone_or_self(model, "test") is model


@pytest.mark.parametrize(
    ("name", "graph"),
    [("nested", True), ("own_step", True), ("subclassed", False)],
)
def test_graphs_and_subclasses(name, graph):
    assert is_graph(models.ZOO[name][0]()) == graph


def test_functional_subclasses_keep_their_class_and_methods():
    assert clone(models.own_step()).answer() == 42


def test_the_clone_of_a_compiled_model_needs_no_registered_loss():
    model = models.nested()
    model.compile("sgd", lambda y, p: keras.ops.mean((y - p) ** 2))
    copied = clone(model)
    assert model.compiled
    assert not copied.compiled
    assert copied.optimizer is None


class Doubling(layers.Layer):
    """Not registered with Keras."""

    def call(self, inputs):
        return inputs * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape


def test_unregistered_layers_inside_wrappers_and_graphs():
    inputs = keras.Input((3, 4))
    x = layers.TimeDistributed(Doubling())(inputs)
    model = keras.Model(inputs, Doubling()(layers.Dense(2)(x)))
    copied, x = clone(model), parity.data((2, 3, 4))
    np.testing.assert_array_equal(
        parity.array(copied(x)), parity.array(model(x))
    )


def test_one_trainable_variable_frozen_by_hand():
    model = models.nested()
    model.layers[-1].bias.trainable = False
    assert not clone(model).layers[-1].bias.trainable


def test_copies_share_no_buffer():
    model = models.nested()
    copied = clone(model)
    before = [parity.array(v) for v in model.weights]
    for variable in copied.weights:
        variable.assign(variable * 0 + 1)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, parity.array(new))


def test_names_and_trainable_flags_are_kept():
    model = models.subclassed()
    model.many[1].trainable = False
    copied = clone(model)
    assert [p for p, _ in walk(copied)] == [p for p, _ in walk(model)]
    assert copied.name == model.name
    assert [layer.trainable for _, layer in walk(copied)] == [
        layer.trainable for _, layer in walk(model)
    ]


def test_an_argument_that_cannot_be_serialized():
    check_in_place(
        models.no_config(), "must override `get_config.*Implement `get_config`"
    )


def test_a_config_that_leaves_something_out():
    class Forgetful(models.Bare):
        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config):
            return cls(units=3)

    model = models.built(Forgetful(6), (6,))
    check_in_place(model, "does not describe the whole model")


def test_a_config_of_other_layers():
    class Changing(keras.Model):
        made = 0

        def __init__(self):
            super().__init__()
            type(self).made += 1
            kind = "relu" if self.made == 1 else "gelu"
            self.inner = layers.Dense(6) if kind == "relu" else models.Block(6)

        def call(self, inputs):
            return self.inner(inputs)

    check_in_place(models.built(Changing(), (6,)), "does not describe")


def test_a_constructor_that_fails():
    class Failing(models.Bare):
        def get_config(self):
            return {"missing": 1}

    check_in_place(models.built(Failing(6), (6,)), "Unable to revive")


def test_prepare_runs_on_the_copy():
    model, seen = models.nested(), []
    copied = clone_or_self(model, "test", prepare=seen.append)
    assert seen == [copied]


def test_adapted_layers_stay_adapted():
    normalize, bins = layers.Normalization(), layers.Discretization(num_bins=4)
    x = parity.data((50, 4)) * 3 + 2
    normalize.adapt(x)
    bins.adapt(x)
    inputs = keras.Input((4,))
    outputs = layers.Concatenate()([normalize(inputs), bins(inputs) * 1.0])
    model = keras.Model(inputs, layers.Dense(2)(outputs))
    np.testing.assert_array_equal(
        parity.array(clone(model)(x)), parity.array(model(x))
    )


class TwoInputs(keras.Model):
    def __init__(self):
        super().__init__()
        self.left = layers.Dense(3)
        self.right = layers.Dense(3)

    def call(self, left, right=None):
        if isinstance(left, dict):
            left, right = left["left"], left["right"]
        return self.left(left) + self.right(right)


@pytest.mark.parametrize("as_dict", [True, False])
def test_models_of_several_inputs(as_dict):
    inputs = {"left": parity.data((2, 4)), "right": parity.data((2, 5))}
    model = TwoInputs()
    if as_dict:
        expected = model(inputs)
        found = clone(model)(inputs)
    else:
        expected = model(**inputs)
        found = clone(model)(**inputs)
    np.testing.assert_array_equal(parity.array(found), parity.array(expected))


@pytest.mark.parametrize("error", [ValueError, AttributeError, RuntimeError])
def test_errors_of_our_own_are_not_taken_for_a_missing_config(error):
    model, seen = models.nested(), []

    def prepare(copied):
        seen.append(copied)
        raise error("a bug")

    with pytest.raises(error, match="a bug"):
        clone_or_self(model, "test", prepare=prepare)
    assert len(seen) == 1
    assert seen[0] is not model


def test_errors_while_copying_weights_are_raised(monkeypatch):
    def copy(value):
        raise ValueError("a bug")

    monkeypatch.setattr(keras.ops, "copy", copy)
    with pytest.raises(ValueError, match="a bug"):
        clone_or_self(models.nested(), "test")
