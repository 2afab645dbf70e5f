"""One update of many kernels, computed by hand."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from keras import ops

from keras_moon.training.connections import GROW_SCORES
from keras_moon.training.connections import ScoreInputs
from keras_moon.training.connections import move_connections
from keras_moon.training.unmoved import GRADIENT_NOT_FINITE
from keras_moon.training.unmoved import ZERO_GRADIENT

KERNEL = np.array([3.0, -0.1, 2.0, 0.5, 0.0, 0.0, 0.0, 0.0], "float32")
MASK = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
GRADIENT = np.array([9.0, 0.7, 9.0, 0.1, 0.2, -0.9, 0.3, 0.0], "float32")
# 0.1 and 0.5 are dropped; 0.9 and 0.7 grow, and 0.7 had just been dropped.
GROWN = np.array([1, 1, 1, 0, 0, 1, 0, 0], bool)
GROWN_ELSEWHERE = np.array([1, 0, 1, 0, 0, 1, 1, 0], bool)


def move(scores="gradient", regrow=True, num_update=(2,), scale=1.0, **changed):
    arguments = {
        "kernels": [KERNEL],
        "masks": [MASK],
        "gradients": [GRADIENT],
        "slots": [[np.full(8, 7.0, "float32"), np.full(8, 5.0, "float32")]],
        "initial_slots": [[np.float32(0.0), np.float32(0.1)]],
    }
    arguments.update(changed)
    if isinstance(scores, str):
        scores, _ = GROW_SCORES[scores]
    to_tensors = [
        [ops.convert_to_tensor(value) for value in arguments[name]]
        for name in ("kernels", "masks", "gradients")
    ]
    keys = np.arange(2 * len(arguments["kernels"]), dtype="uint32")
    kernels, masks, slots, moved = move_connections(
        scores,
        regrow,
        *to_tensors,
        ops.convert_to_tensor(np.float32(scale)),
        [[ops.convert_to_tensor(s) for s in p] for p in arguments["slots"]],
        arguments["initial_slots"],
        ops.convert_to_tensor(keys.reshape(-1, 2)),
        ops.convert_to_tensor(np.array(num_update, "int32")),
    )
    moved = ops.convert_to_numpy(moved).tolist()
    assert len(moved) == len(kernels)
    return (
        [ops.convert_to_numpy(kernel) for kernel in kernels],
        [ops.convert_to_numpy(mask) for mask in masks],
        [[ops.convert_to_numpy(slot) for slot in p] for p in slots],
        sum(moved),
    )


def test_rigl_by_hand():
    (kernel,), (mask,), ((zeros, tenths),), num_changed = move()
    np.testing.assert_array_equal(mask, GROWN)
    # The regrown connection keeps its weight and its state.
    np.testing.assert_array_equal(
        kernel, np.array([3.0, -0.1, 2.0, 0, 0, 0, 0, 0], "float32")
    )
    np.testing.assert_array_equal(zeros, [7, 7, 7, 0, 7, 0, 7, 7])
    np.testing.assert_array_equal(
        tenths, np.array([5, 5, 5, 0.1, 5, 0.1, 5, 5], "float32")
    )
    assert num_changed == 1


def test_without_regrowth_other_connections_grow():
    (kernel,), (mask,), ((slot, _),), num_changed = move(regrow=False)
    np.testing.assert_array_equal(mask, GROWN_ELSEWHERE)
    np.testing.assert_array_equal(kernel, [3, 0, 2, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(slot, [7, 0, 7, 0, 7, 0, 0, 7])
    assert num_changed == 2


def test_grown_weights_start_at_zero_whatever_was_stored():
    dirty = np.where(MASK, KERNEL, np.float32(4.0))
    (kernel,), (mask,), _, _ = move(kernels=[dirty])
    np.testing.assert_array_equal(mask, GROWN)
    np.testing.assert_array_equal(
        kernel, np.array([3.0, -0.1, 2.0, 0, 0, 0, 0, 0], "float32")
    )


def test_nothing_to_move_changes_nothing():
    (kernel,), (mask,), ((slot, _),), num_changed = move(num_update=(0,))
    np.testing.assert_array_equal(kernel, KERNEL)
    np.testing.assert_array_equal(mask, MASK)
    np.testing.assert_array_equal(slot, np.full(8, 7.0))
    assert num_changed == 0


def test_a_method_sees_the_unscaled_gradient_and_uniform_numbers():
    seen = {}

    def scores(inputs):
        assert isinstance(inputs, ScoreInputs)
        seen.update(inputs._asdict())
        return ops.abs(inputs.gradient)

    _, (mask,), _, _ = move(scores, scale=128.0, gradients=[128.0 * GRADIENT])
    np.testing.assert_array_equal(mask, GROWN)
    np.testing.assert_array_equal(seen["kernel"], KERNEL)
    np.testing.assert_array_equal(seen["mask"], MASK)
    np.testing.assert_array_equal(seen["gradient"], GRADIENT)
    uniform = ops.convert_to_numpy(seen["uniform"])
    assert uniform.min() >= 0.0 and uniform.max() < 1.0
    assert len(set(uniform.tolist())) == 8


def test_kernels_are_independent_and_draw_different_numbers():
    seen = []

    def scores(inputs):
        seen.append(ops.convert_to_numpy(inputs.uniform))
        assert inputs.gradient is None
        return inputs.uniform

    kernels, masks, slots, num_changed = move(
        scores,
        kernels=[KERNEL, KERNEL.reshape(2, 4)],
        masks=[MASK, MASK.reshape(2, 4)],
        gradients=[],
        slots=[[], [np.ones((2, 4), "float32")]],
        initial_slots=[[], [np.float32(0.0)]],
        num_update=(0, 4),
    )
    assert not np.array_equal(seen[0], seen[1].ravel())
    np.testing.assert_array_equal(masks[0], MASK)
    assert masks[1].shape == (2, 4) and masks[1].sum() == 4
    expected = np.sort(np.argsort(-seen[1].ravel())[:4])
    np.testing.assert_array_equal(np.flatnonzero(masks[1]), expected)
    assert slots[0] == []
    np.testing.assert_array_equal(
        slots[1][0], (masks[1] == MASK.reshape(2, 4)).astype("float32")
    )
    assert num_changed == np.count_nonzero(masks[1] & ~MASK.reshape(2, 4))


@pytest.mark.parametrize("name", sorted(GROW_SCORES))
def test_named_scores_say_whether_they_read_the_gradient(name):
    scores, needs_gradient = GROW_SCORES[name]
    inputs = ScoreInputs(
        KERNEL, MASK, GRADIENT if needs_gradient else None, np.ones(8)
    )
    assert tuple(scores(inputs).shape) == (8,)
    if needs_gradient:
        np.testing.assert_array_equal(scores(inputs), np.abs(GRADIENT))


@pytest.mark.parametrize(
    "gradient, fault",
    [
        (np.zeros(8, "float32"), ZERO_GRADIENT),
        (np.full(8, -0.0, "float32"), ZERO_GRADIENT),
        (np.where(MASK, GRADIENT, np.float32("nan")), GRADIENT_NOT_FINITE),
        (np.where(MASK, np.float32("inf"), GRADIENT), GRADIENT_NOT_FINITE),
        (np.full(8, np.nan, "float32"), GRADIENT_NOT_FINITE),
    ],
)
@pytest.mark.parametrize("regrow", [True, False])
def test_a_gradient_that_ranks_nothing_moves_nothing(gradient, fault, regrow):
    kernels, new_masks, slots, total = move(
        regrow=regrow,
        num_update=(2, 2),
        kernels=[KERNEL, KERNEL],
        masks=[MASK, MASK],
        gradients=[gradient, GRADIENT],
        slots=[[np.full(8, 7.0, "float32")]] * 2,
        initial_slots=[[np.float32(0.0)]] * 2,
    )
    np.testing.assert_array_equal(kernels[0], KERNEL)
    np.testing.assert_array_equal(new_masks[0], MASK)
    np.testing.assert_array_equal(slots[0][0], np.full(8, 7.0))
    # The other kernel moves as if it were alone.
    np.testing.assert_array_equal(
        new_masks[1], GROWN if regrow else GROWN_ELSEWHERE
    )
    assert total == fault + (1 if regrow else 2)


def test_one_value_that_is_not_zero_is_a_gradient():
    gradient = np.zeros(8, "float32")
    gradient[7] = 1e-30
    _, (mask,), _, total = move(gradients=[gradient], num_update=(1,))
    np.testing.assert_array_equal(mask, [1, 0, 1, 1, 0, 0, 0, 1])
    assert total == 1


TIED = st.lists(
    st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=12, max_size=12
)


@hypothesis.settings(max_examples=40)
@hypothesis.given(
    TIED, TIED, st.lists(st.booleans(), min_size=12, max_size=12), st.data()
)
def test_the_count_holds_under_ties(weights, gradient, active, drawn):
    mask = np.array(active)
    kernel = np.where(mask, np.array(weights, "float32"), np.float32(0.0))
    gradient = np.array(gradient, "float32")
    # A gradient of zeros would rank nothing, and moves nothing.
    hypothesis.assume(gradient.any())
    num_update = drawn.draw(st.integers(0, 12))
    (new_kernel,), (new,), _, num_changed = move(
        regrow=drawn.draw(st.booleans()),
        num_update=(num_update,),
        kernels=[kernel],
        masks=[mask],
        gradients=[gradient],
        slots=[[]],
        initial_slots=[[]],
    )
    assert new.sum() == mask.sum()
    assert num_changed == (new & ~mask).sum() <= num_update
    np.testing.assert_array_equal(new_kernel, np.where(new & mask, kernel, 0.0))
    dropped, kept = mask & ~new, mask & new
    if dropped.any() and kept.any():
        largest = np.sort(np.abs(kernel[mask]))[: min(num_update, mask.sum())]
        assert np.abs(kernel[dropped]).max() <= largest[-1]
