"""One RigL update by hand for every optimizer; steps; randomness."""

import keras
import numpy as np
import pytest
from keras import ops
from keras import optimizers

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from keras_moon.training import unmoved
from keras_moon.training.connections import COUNT_ROUNDINGS
from keras_moon.training.optimizer_slots import kernel_slots
from keras_moon.training.optimizer_slots import unwrap
from tests.training import connections_test as by_hand
from tests.training.optimizer_slots_test import KNOWN
from tests.training.small_runs import assert_exact
from tests.training.small_runs import batches
from tests.training.small_runs import classifier
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import masks
from tests.training.small_runs import masks_equal

SPECIAL = ("accumulated", "average")
HALF = km.sparsity.ConstantDropFraction(0.5)
EVERY_STEP = km.sparsity.UpdateRule(every_steps=1, stop_step=100)


def eight_weights(optimizer, gradient_scale=1.0):
    """A layer of 8 weights with the state of the example by hand."""
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model = km.sparsify(model, sparsity=0.5, distribution="uniform")
    ((_, _, kernel),) = masked_kernels(model)
    kernel.kernel.assign(by_hand.KERNEL.reshape(8, 1))
    kernel.mask.assign(by_hand.MASK.reshape(8, 1))
    kernel.tap.assign(gradient_scale * by_hand.GRADIENT.reshape(8, 1))
    optimizer.build(model.trainable_variables)
    for slot, _ in kernel_slots(optimizer, kernel.kernel):
        slot.assign(np.full((8, 1), 7.0))
    return model, kernel


def flat(variable):
    return ops.convert_to_numpy(variable.value).ravel()


@pytest.mark.parametrize(
    "name, scaled",
    [
        *((name, False) for name in KNOWN if name not in SPECIAL),
        *((name, True) for name in ("momentum", "adamw", "adagrad")),
    ],
)
def test_drop_grow_and_reset_by_hand(name, scaled):
    optimizer, scale = KNOWN[name][0](), 1.0
    if scaled:
        optimizer, scale = optimizers.LossScaleOptimizer(optimizer), 2.0**15
    model, kernel = eight_weights(optimizer, scale)
    inner = unwrap(optimizer)
    others = {
        id(v): ops.convert_to_numpy(v.value)
        for v in inner.variables
        if tuple(v.shape) != (8, 1)
    }
    updater = km.training.MaskUpdater("gradient", False, EVERY_STEP, HALF)
    updater.update(model, optimizer, step=1)
    np.testing.assert_array_equal(flat(kernel.mask), by_hand.GROWN)
    np.testing.assert_array_equal(
        flat(kernel.kernel),
        np.array([3.0, -0.1, 2.0, 0, 0, 0, 0, 0], "float32"),
    )
    initial_values = {"adagrad": [0.1], "ftrl": [0.1, 0.0]}
    slots = kernel_slots(optimizer, kernel.kernel)
    expected = initial_values.get(name, [0.0] * len(slots))
    assert len(slots) == len(expected)
    for (slot, _), initial in zip(slots, expected, strict=True):
        # 3 was dropped and 5 grown; 1 was dropped and regrown: unchanged.
        values = np.array([7, 7, 7, initial, 7, initial, 7, 7], "float32")
        np.testing.assert_array_equal(flat(slot), values)
    # State of other shapes: the bias, counters, factored statistics.
    for variable in inner.variables:
        if id(variable) in others:
            np.testing.assert_array_equal(
                ops.convert_to_numpy(variable.value), others[id(variable)]
            )
    assert updater.num_updates == 1
    assert updater.num_changed == 1


def test_regrowth_can_be_forbidden():
    optimizer = optimizers.SGD(momentum=0.9)
    model, kernel = eight_weights(optimizer)
    updater = km.training.MaskUpdater(
        "gradient",
        update_rule=EVERY_STEP,
        drop_fraction=HALF,
        regrow_dropped=False,
    )
    updater.update(model, optimizer, step=1)
    np.testing.assert_array_equal(flat(kernel.mask), by_hand.GROWN_ELSEWHERE)
    assert updater.num_changed == 2


@pytest.mark.parametrize(
    "rounding, moved", [("truncate", 1), ("round", 2), ("ceil", 2)]
)
def test_the_count_is_rounded_as_asked(rounding, moved):
    optimizer = optimizers.SGD()
    model, _ = eight_weights(optimizer)
    updater = km.training.MaskUpdater(
        lambda inputs: -(inputs.kernel**2),
        update_rule=EVERY_STEP,
        drop_fraction=km.sparsity.ConstantDropFraction(0.4),
        regrow_dropped=False,
        count_rounding=rounding,
    )
    updater.update(model, optimizer, step=1)  # 0.4 * 4 = 1.6
    assert updater.num_changed == moved


def test_float32_truncation_is_that_of_the_reference():
    """RigL's code multiplies in float32: 0.3 * 10 is 3.0000001 there."""
    truncate = COUNT_ROUNDINGS["truncate"]
    for count in (7, 10, 16, 90, 12345):
        for fraction in (0.1, 0.29, 0.3, 0.7):
            reference = np.float32(fraction) * np.float32(count)
            assert truncate(count, fraction) == int(reference)
    assert truncate(7, 0.1) == 0
    assert COUNT_ROUNDINGS["round"](7, 0.1) == 1
    assert COUNT_ROUNDINGS["round"](16, 0.3) == 5


def test_steps_are_taken_from_the_optimizer_once():
    model = compiled_classifier()
    rule = km.sparsity.UpdateRule(every_steps=3, stop_step=9)
    first = km.training.MaskUpdater("random", update_rule=rule)
    updated = []
    for number, (x, y) in enumerate(batches(epochs=2), start=1):
        model.train_on_batch(x, y)
        if first.step(model, model.optimizer):
            updated.append(number)
        assert first.current_step == number
    assert updated == [3, 6, 9]
    assert first.num_updates == 3 == rule.num_updates()
    late = km.training.MaskUpdater("random", update_rule=rule)
    assert not late.step(model, model.optimizer)
    assert late.current_step == 16


def test_steps_may_come_in_groups():
    model = compiled_classifier()
    model.optimizer.build(model.trainable_variables)
    rule = km.sparsity.UpdateRule(every_steps=4, stop_step=100)
    updater = km.training.MaskUpdater("random", update_rule=rule)
    assert [
        updater.step(model, model.optimizer, num_steps=3) for _ in range(5)
    ] == [False, True, True, True, False]
    assert updater.current_step == 15


def test_is_due_announces_every_step_that_touches_the_model():
    model = compiled_classifier()
    model.optimizer.build(model.trainable_variables)
    rule = km.sparsity.UpdateRule(every_steps=3, stop_step=6)
    updater = km.training.MaskUpdater("random", update_rule=rule)
    due = []
    for _ in range(8):
        due.append(updater.is_due())
        updater.step(model, model.optimizer)
    # The first one reads the optimizer's counter.
    assert due == [True, False, True, False, False, True, False, False]
    updater.reset()
    assert updater.is_due() and updater.num_updates == 0


def test_a_rule_without_stop_step_is_refused_outside_fit():
    model = compiled_classifier()
    model.optimizer.build(model.trainable_variables)
    with pytest.raises(ValueError, match="no stop step.*stop_step"):
        km.training.MaskUpdater("random").step(model, model.optimizer)


def same_layers():
    """Two layers of one shape with one mask and all weights alike."""
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(8), keras.layers.Dense(8)]
    )
    model = km.sparsify(model, sparsity=0.5, distribution="uniform")
    mask = np.arange(64).reshape(8, 8) % 2 == 0
    for _, _, kernel in masked_kernels(model):
        kernel.mask.assign(mask)
        kernel.kernel.assign(mask.astype("float32"))
    optimizer = optimizers.SGD()
    optimizer.build(model.trainable_variables)
    return model, optimizer


def grown(seed=0, step=1):
    model, optimizer = same_layers()
    updater = km.training.MaskUpdater(
        "random", update_rule=EVERY_STEP, drop_fraction=HALF, seed=seed
    )
    updater.update(model, optimizer, step=step)
    assert_exact(model)
    return list(masks(model).values())


def test_layers_steps_and_seeds_draw_different_numbers():
    first, second = grown()
    assert not np.array_equal(first, second)
    for other in (grown(step=2), grown(seed=1)):
        assert not np.array_equal(first, other[0])
        assert not np.array_equal(second, other[1])
    again = grown()
    assert np.array_equal(first, again[0])
    assert np.array_equal(second, again[1])


def test_a_function_of_ones_own_with_the_dense_gradient():
    """The named scores are functions like any other."""

    def scores(inputs):
        return ops.abs(inputs.gradient)

    results = []
    for grow in ("gradient", scores):
        model = compiled_classifier()
        updater = km.training.MaskUpdater(
            grow, needs_dense_gradient=True, update_rule=EVERY_STEP
        )
        for x, y in batches():
            model.train_on_batch(x, y)
            updater.step(model, model.optimizer)
            assert_exact(model)
        results.append(masks(model))
    assert masks_equal(*results)
    assert not masks_equal(results[0], masks(classifier()))


def test_frozen_and_dense_kernels_stay():
    model = classifier(0.7, overrides={"b": 0.0})
    model.get_layer("a").trainable = False
    before = masks(model)
    optimizer = optimizers.Adam()
    optimizer.build(model.trainable_variables)
    updater = km.training.MaskUpdater("random", update_rule=EVERY_STEP)
    assert updater.step(model, optimizer)
    assert masks_equal(before, masks(model))
    assert (updater.num_updates, updater.num_changed) == (1, 0)
    assert updater.get_state()["stillness"] == unmoved.FROZEN


def test_state_round_trip():
    model, optimizer = same_layers()
    first = km.training.MaskUpdater("random", update_rule=EVERY_STEP)
    second = km.training.MaskUpdater("random", update_rule=EVERY_STEP)
    second.set_state(first.get_state())
    assert second.current_step is None
    first.step(model, optimizer)
    second.set_state(first.get_state())
    assert second.stillness == first.stillness == ""
    for name in ("current_step", "num_updates", "num_changed"):
        assert getattr(second, name) == getattr(first, name) > 0
    assert second.exploration.fraction() == first.exploration.fraction() > 0.5
