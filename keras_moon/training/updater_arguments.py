"""The arguments of a mask updater, checked where they are given."""

import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_moon.sparsity.schedules import CosineDropFraction
from keras_moon.sparsity.schedules import DropFraction
from keras_moon.sparsity.update_rule import UpdateRule
from keras_moon.training.connections import COUNT_ROUNDINGS
from keras_moon.training.connections import GROW_SCORES
from keras_moon.training.connections import ScoreInputs


def grow_scores_and_need(
    grow: Any, needs_dense_gradient: Any
) -> tuple[Callable[[ScoreInputs], Any], bool]:
    """Returns the scores of `grow`, and whether they read the gradient."""
    needs_dense_gradient = flag("needs_dense_gradient", needs_dense_gradient)
    if callable(grow):
        return grow, needs_dense_gradient
    if isinstance(grow, str) and grow in GROW_SCORES:
        return GROW_SCORES[grow]
    raise ValueError(
        f"`grow` must be one of {sorted(GROW_SCORES)} or a function. "
        f"Received: grow={grow!r}."
    )


def update_rule_of(rule: Any) -> UpdateRule:
    """Returns the rule, or the default one for `None`."""
    if rule is None:
        return UpdateRule()
    if not isinstance(rule, UpdateRule):
        raise TypeError(
            "`update_rule` must be a `keras_moon.sparsity.UpdateRule`, for "
            "example `UpdateRule(every_steps=100, stop_step=1000)`. "
            f"Received: {_described('update_rule', rule)}."
        )
    return rule


def drop_fraction_of(fraction: Any) -> DropFraction:
    """Returns a schedule; a number is one that decays as a cosine."""
    if isinstance(fraction, DropFraction):
        return fraction
    if isinstance(fraction, bool) or not isinstance(fraction, numbers.Real):
        raise TypeError(
            "`drop_fraction` must be a float in [0, 1] or a schedule of "
            "`keras_moon.sparsity`, such as `CosineDropFraction(0.3)`; a "
            "function of the progress is not one: derive from "
            "`ConstantDropFraction` and override `decay`. Received: "
            f"{_described('drop_fraction', fraction)}."
        )
    return CosineDropFraction(float(fraction))


def seed_of(seed: Any) -> int:
    """Returns the seed as a Python integer."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise TypeError(
            f"`seed` must be an integer. Received: {_described('seed', seed)}."
        )
    number = operator.index(seed)
    if not 0 <= number < 2**64:
        raise ValueError(
            "`seed` must be at least 0 and less than 2**64. Received: "
            f"seed={number}."
        )
    return number


def flag(name: str, value: Any) -> bool:
    """Returns a flag as a Python bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"`{name}` must be True or False. Received: "
            f"{_described(name, value)}."
        )
    return bool(value)


def count_rounding_of(name: Any) -> str:
    """Returns the name of a rounding if there is such a one."""
    if not isinstance(name, str) or name not in COUNT_ROUNDINGS:
        raise ValueError(
            f"`count_rounding` must be one of {sorted(COUNT_ROUNDINGS)}. "
            f"Received: count_rounding={name!r}."
        )
    return name


def _described(name: str, value: Any) -> str:
    return f"{name}={value!r} (of type {type(value).__name__})"
