"""Choosing layers by exact name or by regular expression."""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any


def match_names(
    patterns: Sequence[str], names: Iterable[str], argument: str
) -> set[str]:
    """Returns the names that `patterns` choose.

    A pattern that equals a name chooses this name only; every other pattern
    is a regular expression that must match a whole name (`re.fullmatch`).

    Args:
        patterns: Names or regular expressions.
        names: The names to choose from.
        argument: Name of the user's argument, for messages.

    Returns:
        The chosen names.

    Raises:
        TypeError: If `patterns` is one string or holds something else.
        ValueError: If a pattern chooses nothing or is no valid expression.
    """
    if isinstance(patterns, str):
        raise TypeError(
            f"`{argument}` must be a sequence of names or regular "
            f"expressions. Received: {patterns!r}. Pass [{patterns!r}]."
        )
    names = list(names)
    chosen: set[str] = set()
    for pattern in patterns:
        chosen.update(_matches(pattern, names, argument))
    return chosen


def match_values(
    values: Mapping[str, Any] | None, names: Iterable[str], argument: str
) -> dict[str, Any]:
    """Returns the value of each name that a key of `values` chooses.

    Keys choose as in `match_names`. A key that equals the name wins over any
    expression; two expressions may choose one name only when they give it
    the same value, so that the order of keys never matters.

    Args:
        values: Values by name or regular expression, or `None`.
        names: The names to choose from.
        argument: Name of the user's argument, for messages.

    Returns:
        A dict from chosen name to value.

    Raises:
        TypeError: If a key is not a string.
        ValueError: If a key chooses nothing or is no valid expression, or if
            two expressions disagree about a name.
    """
    names = list(names)
    values = values or {}
    chosen: dict[str, Any] = {}
    chosen_by: dict[str, str] = {}
    for pattern, value in values.items():
        for name in _matches(pattern, names, argument):
            if name in values and pattern != name:
                continue
            if name in chosen and chosen[name] != value:
                raise ValueError(
                    f"Two keys of `{argument}` choose layer '{name}' and "
                    f"disagree. Received: {chosen_by[name]!r}: "
                    f"{chosen[name]!r} and {pattern!r}: {value!r}. Give "
                    f"'{name}' a key of its own."
                )
            chosen[name] = value
            chosen_by[name] = pattern
    return chosen


def _matches(pattern: str, names: list[str], argument: str) -> list[str]:
    if not isinstance(pattern, str):
        raise TypeError(
            f"`{argument}` must choose layers by name or regular expression "
            f"(str). Received: {pattern!r} (of type "
            f"{type(pattern).__name__})."
        )
    if pattern in names:
        return [pattern]
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"`{argument}` must hold layer names or valid regular "
            f"expressions. Received: {pattern!r} ({error}). Known layers: "
            f"{names}."
        ) from None
    found = [name for name in names if expression.fullmatch(name)]
    if not found:
        raise ValueError(
            f"`{argument}` must match at least one layer. Received: "
            f"{pattern!r}, which matches none of {names}. Pass an exact name "
            "or a regular expression for the whole name."
        )
    return found
