"""Checks that name the flag, the value, and what to do about it."""

import math
from collections.abc import Sequence


class FlagError(ValueError):
    """A flag, or a combination of flags, that the program cannot run with.

    The message is one line for the person at the terminal: programs print it
    and exit, without a traceback.
    """


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raises unless the value is one of the choices."""
    if value not in choices:
        raise FlagError(
            f"--{name} must be one of {', '.join(choices)}. "
            f"Received: --{name}={value}."
        )


def check_integer(
    name: str, value: int, at_least: int, at_most: int | None = None
) -> None:
    """Raises unless the value lies in the closed range."""
    if value < at_least or (at_most is not None and value > at_most):
        limit = "" if at_most is None else f" and at most {at_most}"
        raise FlagError(
            f"--{name} must be at least {at_least}{limit}. "
            f"Received: --{name}={value}."
        )


def check_fraction(
    name: str, value: float, *, zero: bool, one: bool, hint: str = ""
) -> None:
    """Raises unless the value is a fraction; NaN never is.

    Args:
        name: Name of the flag.
        value: Value of the flag.
        zero: Whether 0 is allowed.
        one: Whether 1 is allowed.
        hint: What to do, appended to the message.
    """
    above = value >= 0.0 if zero else value > 0.0
    below = value <= 1.0 if one else value < 1.0
    if not (above and below):
        interval = f"{'[' if zero else '('}0, 1{']' if one else ')'}"
        raise FlagError(
            f"--{name} must be a fraction in {interval}. "
            f"Received: --{name}={value:g}.{' ' if hint else ''}{hint}"
        )


def check_number(name: str, value: float, *, zero: bool) -> None:
    """Raises unless the value is finite and positive, or zero if allowed."""
    if not math.isfinite(value) or value < 0.0 or (value == 0.0 and not zero):
        least = "zero or more" if zero else "more than zero"
        raise FlagError(
            f"--{name} must be a finite number, {least}. "
            f"Received: --{name}={value:g}."
        )
