"""Training loops of one's own end with exactly the masks of `fit`."""

import re
import warnings

import keras
import numpy as np
import pytest

import keras_moon as km
from tests.training.small_runs import assert_exact
from tests.training.small_runs import batches
from tests.training.small_runs import classifier
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import fit
from tests.training.small_runs import kernels
from tests.training.small_runs import loss_function
from tests.training.small_runs import masks
from tests.training.small_runs import masks_equal

EPOCHS = 2
RULE = {"begin_step": 1, "stop_step": 13}
METHODS = {"gradient": km.callbacks.RigL, "random": km.callbacks.SET}
BACKEND = keras.backend.backend()


def updater(grow):
    rule = km.sparsity.UpdateRule(every_steps=4, **RULE)
    return km.training.MaskUpdater(grow, update_rule=rule, seed=5)


@pytest.fixture(params=sorted(METHODS))
def grow(request):
    return request.param


@pytest.fixture
def fitted(grow):
    model = compiled_classifier(keras.optimizers.Adam(0.01))
    callback = METHODS[grow](update_freq=4, seed=5, **RULE)
    fit(model, callback, epochs=EPOCHS)
    assert callback.updater.num_updates == 4
    return model


def assert_same(model, updater, fitted):
    assert updater.num_updates == 4
    assert_exact(model)
    assert masks_equal(masks(model), masks(fitted))
    assert not masks_equal(masks(model), masks(classifier()))
    for path, kernel in kernels(model).items():
        np.testing.assert_allclose(kernel, kernels(fitted)[path], atol=1e-5)


def test_train_on_batch(grow, fitted):
    model = compiled_classifier(keras.optimizers.Adam(0.01))
    moving = updater(grow)
    for x, y in batches(epochs=EPOCHS):
        model.train_on_batch(x, y)
        moving.step(model, model.optimizer)
    assert_same(model, moving, fitted)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="A loop of TensorFlow")
@pytest.mark.parametrize("graph", [False, True])
def test_gradient_tape(grow, fitted, graph):
    import tensorflow as tf

    model = classifier()
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    loss = loss_function()

    def train_step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)

    if graph:
        train_step = tf.function(train_step)
    moving = updater(grow)
    for x, y in batches(epochs=EPOCHS):
        train_step(tf.constant(x), tf.constant(y))
        moving.step(model, optimizer)
    assert_same(model, moving, fitted)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="A loop of TensorFlow")
def test_a_loop_that_leaves_the_taps_out_is_told_so():
    import tensorflow as tf

    model = classifier()
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    weights = [
        variable
        for variable in model.trainable_variables
        if not variable.overwrite_with_gradient
    ]
    assert len(weights) < len(model.trainable_variables)
    loss, moving, before = loss_function(), updater("gradient"), masks(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        for x, y in batches(epochs=EPOCHS):
            with tf.GradientTape() as tape:
                value = loss(y, model(x, training=True))
            optimizer.apply_gradients(
                zip(tape.gradient(value, weights), weights, strict=True)
            )
            moving.step(model, optimizer)
    assert (moving.num_updates, moving.num_changed) == (4, 0)
    assert_exact(model)
    assert masks_equal(before, masks(model))
    found = [str(w.message) for w in caught if "left the masks" in str(w)]
    (message,) = found
    assert re.search(r"step 1: \['a', 'b'\].*`model.trainable_var", message)


@pytest.mark.skipif(BACKEND != "jax", reason="A loop of JAX")
def test_stateless_loop(grow, fitted):
    import jax

    model = classifier()
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)
    loss = loss_function()
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables,
    )

    def read():
        return tuple([v.value for v in group] for group in groups)

    def write(state):
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)

    def compute(trainable, non_trainable, x, y):
        outputs, non_trainable = model.stateless_call(
            trainable, non_trainable, x, training=True
        )
        return loss(y, outputs), non_trainable

    @jax.jit
    def train_step(state, x, y):
        trainable, non_trainable, slots = state
        gradients, non_trainable = jax.grad(compute, has_aux=True)(
            trainable, non_trainable, x, y
        )
        trainable, slots = optimizer.stateless_apply(
            slots, gradients, trainable
        )
        return trainable, non_trainable, slots

    moving = updater(grow)
    state = read()
    written = 0
    for x, y in batches(epochs=EPOCHS):
        state = train_step(state, x, y)
        if moving.is_due():
            write(state)
            moving.step(model, optimizer)
            state = read()
            written += 1
        else:
            assert not moving.step(model, optimizer)
    write(state)
    # At steps 1, 5, 9 and 13, not at the other twelve.
    assert written == 4
    assert_same(model, moving, fitted)
