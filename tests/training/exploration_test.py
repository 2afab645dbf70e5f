"""R_s, the share of weights that were ever active, counted by hand."""

import keras
import numpy as np

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from keras_moon.training.exploration import Exploration
from tests.training.small_runs import classifier


def set_mask(kernel, active):
    mask = np.zeros(kernel.size, bool)
    mask[list(active)] = True
    kernel.mask.assign(mask.reshape(kernel.mask.shape))


def test_it_is_the_union_over_time():
    model = classifier(0.75)
    (_, _, a), (_, _, b) = masked_kernels(model)
    assert (a.size, b.size) == (192, 48)
    explored = Exploration()
    assert explored.fraction() == 0.0
    set_mask(a, range(40))
    set_mask(b, range(8))
    explored.add(model)
    assert explored.fraction() == 48 / 240
    explored.add(model)
    assert explored.fraction() == 48 / 240
    set_mask(a, range(20, 60))
    set_mask(b, [47])
    explored.add(model)
    assert explored.fraction() == (60 + 9) / 240


def test_state_round_trip():
    model = classifier(0.75)
    first, second = Exploration(), Exploration()
    first.add(model)
    state = first.get_state()
    assert all(isinstance(value, (np.ndarray, int)) for value in state.values())
    second.set_state(state)
    assert second.fraction() == first.fraction() > 0
    (_, _, a), _ = masked_kernels(model)
    set_mask(a, range(a.target_nonzeros))
    first.add(model)
    second.add(model)
    assert second.fraction() == first.fraction()


def test_setting_a_state_forgets_what_was_there():
    explored = Exploration()
    explored.add(classifier(0.5))
    explored.set_state({"unrelated": 3})
    assert explored.fraction() == 0.0


def test_sizes_that_are_no_multiple_of_eight():
    """Packed bits are padded; padding is not explored."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model = km.sparsify(model, sparsity=0.4, overrides={"dense": 0.0})
    explored = Exploration()
    explored.add(model)
    assert explored.fraction() == 1.0
