"""A whole RigL training in NumPy, and what RigL refuses."""

import re
import warnings

import keras
import numpy as np
import pytest
from keras import ops

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from tests.training.small_runs import AssertExact
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import data
from tests.training.small_runs import fit
from tests.training.small_runs import kernels
from tests.training.small_runs import masks
from tests.training.small_runs import masks_equal

RATE, INPUTS, OUTPUTS, SIZE, BATCH = 0.05, 10, 4, 48, 8
EVERY, EPOCHS = 2, 2


def regression():
    rng = np.random.default_rng(11)
    x = rng.normal(size=(SIZE, INPUTS)).astype("float32")
    return x, (x @ rng.normal(size=(INPUTS, OUTPUTS))).astype("float32")


def linear_model():
    model = keras.Sequential(
        [keras.Input((INPUTS,)), keras.layers.Dense(OUTPUTS, use_bias=False)]
    )
    return km.sparsify(model, sparsity=0.6, distribution="uniform", seed=1)


class Momentum:
    def __init__(self, shape):
        self.slots = [np.zeros(shape)]

    def step(self, number, w, g):
        self.slots[0][:] = 0.9 * self.slots[0] - RATE * g
        return w + self.slots[0]

    keras = staticmethod(lambda: keras.optimizers.SGD(RATE, momentum=0.9))


class Adam:
    def __init__(self, shape):
        self.slots = [np.zeros(shape), np.zeros(shape)]

    def step(self, number, w, g):
        m, v = self.slots
        m += 0.1 * (g - m)
        v += 0.001 * (g**2 - v)
        rate = RATE * np.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        return w - rate * m / (np.sqrt(v) + 1e-7)

    keras = staticmethod(lambda: keras.optimizers.Adam(RATE))


class Adagrad:
    def __init__(self, shape):
        self.slots = [np.full(shape, 0.1)]

    def step(self, number, w, g):
        self.slots[0] += g**2
        return w - RATE * g / np.sqrt(self.slots[0] + 1e-7)

    keras = staticmethod(lambda: keras.optimizers.Adagrad(RATE))


def rigl_in_numpy(kernel, mask, optimizer, steps, stop_step):
    """Evci et al. 2020, Algorithm 1, after the step instead of in its place."""
    x, y = regression()
    w, mask = kernel.astype("float64"), mask.copy()
    initial = [slot.copy() for slot in optimizer.slots]
    changed_slots = 0
    for number in range(1, steps + 1):
        begin = (number - 1) * BATCH % SIZE
        xb, yb = x[begin : begin + BATCH], y[begin : begin + BATCH]
        gradient = 2.0 * xb.T @ (xb @ w - yb) / yb.size
        w = optimizer.step(number, w, gradient * mask)
        if number % EVERY or number > stop_step:
            continue
        fraction = 0.15 * (1 + np.cos(np.pi * number / stop_step))
        num_drop = int(np.float32(mask.sum()) * np.float32(fraction))
        weakest_first = np.argsort(np.where(mask, np.abs(w), np.inf).ravel())
        keep = mask.copy().ravel()
        keep[weakest_first[:num_drop]] = False
        scores = np.where(keep, -np.inf, np.abs(gradient).ravel())
        new = keep.copy()
        new[np.argsort(-scores)[:num_drop]] = True
        changed = new.reshape(mask.shape) != mask
        mask = new.reshape(mask.shape)
        w = np.where(mask & ~changed, w, 0.0)
        for slot, start in zip(optimizer.slots, initial, strict=True):
            slot[changed] = start[changed]
            changed_slots += changed.sum()
    assert changed_slots > 0
    return w, mask, optimizer.slots


@pytest.mark.parametrize("reference", [Momentum, Adam, Adagrad])
def test_a_whole_training_equals_numpy(reference):
    model = linear_model()
    (start,), (mask,) = kernels(model).values(), masks(model).values()
    model.compile(reference.keras(), "mse")
    rigl = km.callbacks.RigL(update_freq=EVERY, drop_fraction=0.3)
    x, y = regression()
    model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[rigl],
    )
    steps = EPOCHS * SIZE // BATCH
    assert rigl.updater.update_rule.stop_step == 9  # 75 % of 12
    assert rigl.updater.num_updates == 4
    w, new_mask, slots = rigl_in_numpy(
        start, mask, reference((INPUTS, OUTPUTS)), steps, stop_step=9
    )
    (found,), (found_mask,) = kernels(model).values(), masks(model).values()
    np.testing.assert_array_equal(found_mask, new_mask)
    assert not np.array_equal(new_mask, mask)
    np.testing.assert_allclose(found, w, atol=1e-4)
    of_the_kernel = [
        ops.convert_to_numpy(variable.value)
        for variable in model.optimizer.variables
        if tuple(variable.shape) == (INPUTS, OUTPUTS)
    ]
    assert len(of_the_kernel) == len(slots)
    for found, expected in zip(of_the_kernel, slots, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-3)


def test_the_largest_gradients_grow():
    model = compiled_classifier()
    before = masks(model)
    rigl = km.callbacks.RigL(update_freq=8, stop_fraction=1.0)
    with pytest.warns(UserWarning, match="RigL never moved.*fraction was 0"):
        fit(model, rigl, epochs=1)
    after = masks(model)
    # The update came after the last step, whose gradient is still kept.
    gradients = km.training.dense_gradients(model)
    assert rigl.updater.num_updates == 1 and rigl.updater.num_changed == 0
    assert masks_equal(before, after)  # the cosine has come to 0
    rigl = km.callbacks.RigL(
        update_freq=8,
        stop_fraction=1.0,
        drop_fraction=km.sparsity.ConstantDropFraction(0.3),
    )
    fit(model, rigl, epochs=1)
    gradients = km.training.dense_gradients(model)
    for path, _, _ in masked_kernels(model):
        g = np.abs(ops.convert_to_numpy(gradients[path]))
        grown = masks(model)[path] & ~after[path]
        still_inactive = ~masks(model)[path] & ~after[path]
        assert grown.any()
        assert g[grown].min() >= g[still_inactive].max()


def gradient_warnings(model, x, y):
    """Fits with an update every two steps; returns RigL and what it warned."""
    rigl = km.callbacks.RigL(update_freq=2, stop_step=14)
    exact = AssertExact()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(
            x,
            y,
            batch_size=8,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=[rigl, exact],
        )
    found = [str(w.message) for w in caught if "left the masks" in str(w)]
    assert rigl.updater.num_updates == 7 and len(exact.history) == 16
    return rigl, found


def test_gradients_that_nobody_wrote_move_nothing():
    """Loss scaling skips every step: the taps are still all zero."""
    keras.config.set_dtype_policy("mixed_float16")
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.1), initial_scale=2.0**60
    )
    model = compiled_classifier(optimizer)
    before = masks(model)
    rigl, found = gradient_warnings(model, *data())
    assert int(optimizer.iterations) == 0
    assert rigl.updater.num_changed == 0
    assert masks_equal(before, masks(model))
    (message,) = found
    assert re.search(r"step 2: \['a', 'b'\].*zero.*loss scaling", message)


def test_gradients_that_are_not_finite_move_nothing():
    model = compiled_classifier()
    before = masks(model)
    x, y = data()
    rigl, found = gradient_warnings(model, np.full_like(x, np.nan), y)
    assert rigl.updater.num_changed == 0
    assert masks_equal(before, masks(model))
    (message,) = found
    assert re.search(r"step 2: \['a', 'b'\].*NaN in the inputs", message)


def test_a_dead_layer_stays_and_the_others_move_on():
    model = compiled_classifier()
    before = masks(model)
    x, y = data()
    rigl, found = gradient_warnings(model, np.zeros_like(x), y)
    assert rigl.updater.num_changed > 0
    np.testing.assert_array_equal(before["a"], masks(model)["a"])
    assert not np.array_equal(before["b"], masks(model)["b"])
    (message,) = found
    assert re.search(r"step 2: \['a'\].*zero everywhere.*dead", message)


def test_a_new_training_announces_its_gradients_anew():
    x, y = data()
    model, x = compiled_classifier(), np.zeros_like(x)
    for _ in range(2):
        _, found = gradient_warnings(model, x, y)
        assert len(found) == 1


REFUSED = {
    "no_tap": (
        lambda: keras.optimizers.SGD(),
        {"dense_gradient": False},
        r"\['a', 'b'\].*dense_gradient=True",
    ),
    "accumulation": (
        lambda: keras.optimizers.SGD(gradient_accumulation_steps=2),
        {},
        "maximum, not the mean.*gradient_accumulation_steps=2",
    ),
    "average": (
        lambda: keras.optimizers.SGD(use_ema=True),
        {},
        r"SGD\(use_ema=True\)",
    ),
    "muon": (lambda: keras.optimizers.Muon(), {}, "`Muon`.*orthogonalizes"),
    "scaled_muon": (
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Muon()),
        {},
        "`Muon`.*orthogonalizes",
    ),
    "schedule_free": (
        lambda: keras.optimizers.ScheduleFreeAdamW(),
        {},
        "`ScheduleFreeAdamW` is not known",
    ),
    "several": (
        lambda: keras.optimizers.MultiOptimizer(
            keras.optimizers.OptimizerMap(keras.optimizers.SGD())
        ),
        {},
        "`MultiOptimizer` is not known",
    ),
    "adafactor": (lambda: keras.optimizers.Adafactor(), {}, "NaN.*epsilon_1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_fit_refuses_with_the_reason_before_the_first_step(name):
    make, sparsify, message = REFUSED[name]
    model = compiled_classifier(make(), sparsify=sparsify)
    before = kernels(model)
    with pytest.raises(ValueError, match=message):
        fit(model, km.callbacks.RigL(update_freq=2))
    for path, kernel in kernels(model).items():
        np.testing.assert_array_equal(kernel, before[path])


def test_unknown_state_is_found_before_the_first_step():
    class Own(keras.optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.own = self.add_optimizer_variables(variables, "own")

    model = compiled_classifier(Own(0.1))
    before = kernels(model)
    with pytest.raises(ValueError, match="`Own` keeps '.*own'"):
        fit(model, km.callbacks.RigL(update_freq=2))
    for path, kernel in kernels(model).items():
        np.testing.assert_array_equal(kernel, before[path])
