"""The slots of every Keras optimizer, against freshly built ones."""

import keras
import numpy as np
import pytest
from keras import ops
from keras import optimizers

from keras_moon.training import optimizer_slots
from keras_moon.training.optimizer_slots import check_elementwise
from keras_moon.training.optimizer_slots import check_optimizer
from keras_moon.training.optimizer_slots import kernel_slots
from tests.training.small_runs import classifier

# How many variables of the kernel's shape each optimizer keeps.
KNOWN = {
    "sgd": (lambda: optimizers.SGD(), 0),
    "momentum": (lambda: optimizers.SGD(momentum=0.9, nesterov=True), 1),
    "rmsprop": (lambda: optimizers.RMSprop(), 1),
    "rmsprop_all": (lambda: optimizers.RMSprop(momentum=0.9, centered=True), 3),
    "adam": (lambda: optimizers.Adam(), 2),
    "amsgrad": (lambda: optimizers.Adam(amsgrad=True), 3),
    "adamw": (lambda: optimizers.AdamW(), 2),
    "nadam": (lambda: optimizers.Nadam(), 2),
    "adadelta": (lambda: optimizers.Adadelta(), 2),
    "adagrad": (lambda: optimizers.Adagrad(), 1),
    "adamax": (lambda: optimizers.Adamax(), 2),
    "adafactor": (lambda: optimizers.Adafactor(epsilon_1=1e-16), 1),
    "ftrl": (lambda: optimizers.Ftrl(), 2),
    "lion": (lambda: optimizers.Lion(), 1),
    "lamb": (lambda: optimizers.Lamb(), 2),
    "accumulated": (lambda: optimizers.Adam(gradient_accumulation_steps=2), 3),
    "average": (lambda: optimizers.SGD(use_ema=True), 1),
}


def built(optimizer):
    model = classifier()
    optimizer.build(model.trainable_variables)
    return model.get_layer("a").kernel


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("scaled", [False, True])
def test_slots_are_all_state_of_the_kernel_with_its_initial_value(name, scaled):
    make, number = KNOWN[name]
    inner = make()
    optimizer = optimizers.LossScaleOptimizer(inner) if scaled else inner
    kernel = built(optimizer)
    slots = kernel_slots(optimizer, kernel)
    assert len(slots) == number
    for slot, initial in slots:
        assert tuple(slot.shape) == (12, 16)
        np.testing.assert_array_equal(
            ops.convert_to_numpy(slot), np.full((12, 16), initial, "float32")
        )
    # Kernel 'a' is the only variable of this shape that has state.
    of_this_shape = [v for v in inner.variables if tuple(v.shape) == (12, 16)]
    # Accumulators exist for the gradient tap too, which has the same shape.
    taps = 1 if name == "accumulated" else 0
    assert len(of_this_shape) == number + taps


@pytest.mark.parametrize("make", [optimizers.Adagrad, optimizers.Ftrl])
@pytest.mark.parametrize("start", [0.1, 0.25])
def test_accumulators_go_back_to_where_they_began(make, start):
    optimizer = make(initial_accumulator_value=start)
    slots = kernel_slots(optimizer, built(optimizer))
    assert slots[0][1] == start


def test_every_optimizer_of_keras_is_known_or_refused():
    """A new one in a later Keras shows up here, not in a user's training."""
    names = {
        name
        for name in dir(optimizers)
        if isinstance(getattr(optimizers, name), type)
        and issubclass(getattr(optimizers, name), optimizers.Optimizer)
    }
    refused = {"Muon", "MultiOptimizer", "ScheduleFreeAdamW"}
    # AdamW is an Adam; the loss scale wraps one of the others.
    covered = {"Optimizer", "LossScaleOptimizer", "AdamW"}
    assert names == set(optimizer_slots._SLOTS) | refused | covered


def test_factored_statistics_are_left_alone():
    optimizer = optimizers.Adafactor(epsilon_1=1e-16)
    kernel = built(optimizer)
    factored = {id(v) for v in [*optimizer._r, *optimizer._c]}
    slots = kernel_slots(optimizer, kernel)
    assert not factored & {id(slot) for slot, _ in slots}


def test_adafactor_as_keras_sets_it_is_refused():
    with pytest.raises(ValueError, match="NaN.*epsilon_1=1e-30.*Pass eps"):
        check_elementwise(optimizers.Adafactor())
    check_optimizer(optimizers.Adafactor(epsilon_1=1e-16))


@pytest.mark.parametrize("scaled", [False, True])
def test_muon_is_refused_with_the_reason(scaled):
    optimizer = optimizers.Muon()
    if scaled:
        optimizer = optimizers.LossScaleOptimizer(optimizer)
    for check in (check_elementwise, check_optimizer):
        with pytest.raises(ValueError, match="`Muon`.*orthogonalizes.*SGD"):
            check(optimizer)


def test_optimizers_of_unknown_state_are_refused():
    class Own(optimizers.Optimizer):
        pass

    several = optimizers.MultiOptimizer(
        optimizers.OptimizerMap(optimizers.SGD())
    )
    for optimizer in (
        Own(0.1),
        several,
        optimizers.ScheduleFreeAdamW(),
    ):
        check_elementwise(optimizer)
        name = type(optimizer).__name__
        with pytest.raises(ValueError, match=f"`{name}` is not known.*Adam"):
            check_optimizer(optimizer)


def test_a_subclass_with_state_of_its_own_is_refused():
    class Own(optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.own = self.add_optimizer_variables(variables, "own")

    optimizer = Own()
    kernel = built(optimizer)
    check_optimizer(optimizer)
    with pytest.raises(ValueError, match=r"`Own` keeps '.*own', state of.*12"):
        kernel_slots(optimizer, kernel)


def test_a_subclass_without_state_is_its_parent():
    class Own(optimizers.Adam):
        pass

    optimizer = Own()
    assert len(kernel_slots(optimizer, built(optimizer))) == 2


def test_a_kernel_that_the_optimizer_does_not_know():
    optimizer = optimizers.Adam()
    built(optimizer)
    with pytest.raises(ValueError, match="not built with '.*kernel'.*Compile"):
        kernel_slots(optimizer, classifier().get_layer("a").kernel)


def test_a_wrapper_of_somebody_else_is_not_looked_through():
    class Lookahead(optimizers.Optimizer):
        def __init__(self, inner):
            super().__init__(0.1)
            self.inner_optimizer = inner

    with pytest.raises(ValueError, match="`Lookahead` is not known"):
        check_optimizer(Lookahead(optimizers.SGD()))


def test_building_waits_for_layers_that_are_not_built():
    optimizer = optimizers.Adam()
    model = keras.Sequential([keras.layers.Dense(2)])
    optimizer_slots.build_optimizer(model, optimizer)
    assert not optimizer.built
    model.build((None, 3))
    optimizer_slots.build_optimizer(model, optimizer)
    assert optimizer.built
    before = len(optimizer.variables)
    optimizer_slots.build_optimizer(model, optimizer)
    assert len(optimizer.variables) == before
