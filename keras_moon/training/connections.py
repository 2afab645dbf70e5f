"""Moving the connections of all kernels: one pure function of tensors."""

import math
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import numpy as np
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.functional import random_bits
from keras_moon.functional.masks import drop_and_grow
from keras_moon.training.unmoved import GRADIENT_NOT_FINITE
from keras_moon.training.unmoved import ZERO_GRADIENT


@keras_moon_export("training.ScoreInputs")
class ScoreInputs(NamedTuple):
    """What a method may look at when it scores a kernel's connections.

    Attributes:
        kernel: Float tensor: the weights, zero where masked.
        mask: Boolean tensor: the active connections.
        gradient: Float tensor: the dense gradient of the last step, or `None`
            if the method did not ask for it.
        uniform: Float tensor: uniform numbers in [0, 1), a function of seed,
            layer and step only.

    Example:

    >>> def weakest_half_random(inputs):
    ...     return inputs.uniform - keras.ops.abs(inputs.gradient)
    >>> updater = km.training.MaskUpdater(
    ...     grow=weakest_half_random, needs_dense_gradient=True
    ... )
    """

    kernel: Any
    mask: Any
    gradient: Any
    uniform: Any


# Name -> (scores, whether they read the dense gradient).
GROW_SCORES: dict[str, tuple[Callable[[ScoreInputs], Any], bool]] = {
    "gradient": (lambda inputs: ops.abs(inputs.gradient), True),
    "random": (lambda inputs: inputs.uniform, False),
}


# How a fraction of the active connections becomes a number of them.
COUNT_ROUNDINGS: dict[str, Callable[[int, float], int]] = {
    # RigL's code multiplies in float32 and truncates.
    "truncate": lambda count, fraction: int(
        np.float32(count) * np.float32(fraction)
    ),
    "round": lambda count, fraction: round(count * fraction),
    "ceil": lambda count, fraction: math.ceil(count * fraction),
}


def move_connections(
    grow_scores: Callable[[ScoreInputs], Any],
    regrow_dropped: bool,
    kernels: list[Any],
    masks: list[Any],
    gradients: list[Any],
    scale: Any,
    slots: list[list[Any]],
    initial_slots: list[list[Any]],
    keys: Any,
    num_update: Any,
) -> tuple[list[Any], list[Any], list[list[Any]], Any]:
    """Drops and grows connections of many kernels, and resets their slots.

    A pure function of tensors, so that it is one compiled call. A kernel
    whose dense gradient is zero everywhere or not finite somewhere stays as
    it is: such gradients rank nothing, and ties would go by position.

    Args:
        grow_scores: The method: `ScoreInputs` to a score per connection.
        regrow_dropped: See `drop_and_grow`.
        kernels: Float tensor per kernel.
        masks: Boolean tensor per kernel.
        gradients: Dense gradient per kernel, or an empty list.
        scale: Scalar by which the gradients are too large.
        slots: Per kernel, the optimizer's per-weight state.
        initial_slots: Per kernel, the initial values of these.
        keys: uint32 tensor `(num_kernels, 2)`: a random key per kernel.
        num_update: int32 tensor `(num_kernels,)`: connections to move.

    Returns:
        New kernels, new masks, new slots, and an int32 tensor
        `(num_kernels,)`: how many connections each kernel grew, or
        `ZERO_GRADIENT` or `GRADIENT_NOT_FINITE` for one that had to stay.
    """
    new_kernels, new_masks, new_slots, reports = [], [], [], []
    for i, (kernel, mask) in enumerate(zip(kernels, masks, strict=True)):
        inputs = ScoreInputs(
            kernel=kernel,
            mask=mask,
            gradient=gradients[i] / scale if gradients else None,
            uniform=random_bits.uniform(kernel.shape, keys[i]),
        )
        fault = _fault(gradients[i]) if gradients else ops.cast(0, "int32")
        new_mask = drop_and_grow(
            kernel,
            mask,
            grow_scores(inputs),
            ops.where(fault < 0, 0, num_update[i]),
            regrow_dropped=regrow_dropped,
        )
        changed = ops.not_equal(new_mask, mask)
        new_masks.append(new_mask)
        # Grown weights start at zero, whatever was stored under the mask.
        stays = ops.logical_and(new_mask, mask)
        new_kernels.append(ops.where(stays, kernel, ops.zeros_like(kernel)))
        new_slots.append(
            [
                ops.where(changed, ops.cast(initial, slot.dtype), slot)
                for slot, initial in zip(
                    slots[i], initial_slots[i], strict=True
                )
            ]
        )
        grown = ops.logical_and(new_mask, changed)
        num_grown = ops.sum(ops.cast(grown, "int32"))
        reports.append(ops.where(fault < 0, fault, num_grown))
    return new_kernels, new_masks, new_slots, ops.stack(reports)


def _fault(gradient: Any) -> Any:
    """Returns 0 for a gradient that can rank connections, or what is wrong."""
    is_finite = ops.all(ops.isfinite(gradient))
    is_zero = ops.logical_not(ops.any(ops.not_equal(gradient, 0)))
    fault = ops.where(is_zero, ZERO_GRADIENT, 0)
    return ops.cast(ops.where(is_finite, fault, GRADIENT_NOT_FINITE), "int32")
