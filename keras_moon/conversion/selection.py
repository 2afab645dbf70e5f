"""Reading `include`, `exclude` and `overrides` of `sparsify`."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_moon.conversion.candidates import Candidate
from keras_moon.sparsity.matching import match_names
from keras_moon.sparsity.matching import match_values

_FEW = 5

Selector = str | Callable[[keras.layers.Layer], bool] | Sequence[str] | None


def select(
    candidates: list[Candidate],
    untreatable: Mapping[str, str],
    layers: Mapping[str, keras.layers.Layer],
    include: Selector,
    exclude: Selector,
    overrides: Mapping[str, float] | None,
) -> tuple[list[Candidate], dict[str, float], dict[str, str]]:
    """Returns the kernels to treat, overrides by path, and what stays dense.

    Args:
        candidates: The kernels that can be treated.
        untreatable: Path to reason for layers that cannot.
        layers: Every layer of the model by path.
        include: Names, expressions, or a predicate on layers. `None` means
            all but depthwise kernels.
        exclude: The same, for kernels to leave dense.
        overrides: Sparsity by name or expression; asks for depthwise kernels
            too.

    Returns:
        The kernels to treat, the overrides by kernel path, and the part of
        `untreatable` that `include` covers and `exclude` does not name.

    Raises:
        ValueError: If a name matches nothing, asks for a layer that cannot
            be treated, or is both excluded and overridden.
    """
    names = _names(candidates, untreatable)
    overrides = overrides or {}
    asked = _matched(include, names, layers, "include")
    left_out = _matched(exclude, names, layers, "exclude") or set()
    overridden = match_values(overrides, names, "overrides")
    _refuse_untreatable(include, names, untreatable, "include")
    _refuse_untreatable(list(overrides), names, untreatable, "overrides")
    for name in sorted(set(overrides) & left_out):
        raise ValueError(
            f"Layer '{name}' is both in `overrides` and left out by "
            f"`exclude`. Received: overrides={dict(overrides)!r}, "
            f"exclude={exclude!r}. Remove it from one of them."
        )
    chosen, by_path = [], {}
    for candidate in candidates:
        ways = {candidate.path, candidate.layer_path}
        override = overridden.get(
            candidate.path, overridden.get(candidate.layer_path)
        )
        included = (
            not candidate.dense_by_default if asked is None else ways & asked
        )
        if ways & left_out or not (included or override is not None):
            continue
        chosen.append(candidate)
        if override is not None:
            by_path[candidate.path] = override
    listed = {
        path: reason
        for path, reason in untreatable.items()
        if path not in left_out and (asked is None or path in asked)
    }
    return chosen, by_path, listed


def in_groups(reasons: Mapping[str, str]) -> str:
    """Says in one line which layers stay dense and why.

    Layers with one reason under one child of the model are counted where
    they are more than a few, as those of a frozen base, and named elsewhere.

    Args:
        reasons: Layer path to reason.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for path, reason in reasons.items():
        parent = path.split("/")[0] if "/" in path else ""
        groups.setdefault((parent, reason), []).append(path)
    parts = []
    for (parent, reason), paths in groups.items():
        if len(paths) <= _FEW:
            parts += [f"{path}: {reason}" for path in paths]
        else:
            where = f" under '{parent}'" if parent else ""
            parts.append(f"{len(paths)} layers{where}: {reason}")
    return "; ".join(parts)


def _refuse_untreatable(
    selector: Selector,
    names: list[str],
    untreatable: Mapping[str, str],
    argument: str,
) -> None:
    """Raises if a name or expression asks only for what cannot be treated.

    An expression may match such layers among others, and a predicate looks
    at all layers: then they are listed, not refused.
    """
    if selector is None or callable(selector):
        return
    for pattern in [selector] if isinstance(selector, str) else selector:
        matched = match_names([pattern], names, argument)
        if matched <= set(untreatable):
            reasons = "; ".join(
                f"'{name}': {untreatable[name]}" for name in sorted(matched)
            )
            raise ValueError(
                f"`{argument}` asks for layers that cannot be made sparse. "
                f"Received: {pattern!r}, which matches {reasons}. Remove it, "
                "or change the layer first."
            )


def _names(
    candidates: list[Candidate], untreatable: Mapping[str, str]
) -> list[str]:
    names: dict[str, None] = {}
    for candidate in candidates:
        names[candidate.path] = None
        names[candidate.layer_path] = None
    names.update(dict.fromkeys(untreatable))
    return list(names)


def _matched(
    selector: Selector,
    names: list[str],
    layers: Mapping[str, keras.layers.Layer],
    argument: str,
) -> set[str] | None:
    if selector is None:
        return None
    if callable(selector):
        return {path for path, layer in layers.items() if selector(layer)}
    patterns: Any = [selector] if isinstance(selector, str) else selector
    return match_names(list(patterns), names, argument)
