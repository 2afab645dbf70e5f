"""Reading `include`, `exclude` and `overrides` of `sparsify`."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras

from keras_moon.conversion.candidates import Candidate
from keras_moon.sparsity.matching import match_names

Selector = str | Callable[[keras.layers.Layer], bool] | Sequence[str] | None


def select(
    candidates: list[Candidate],
    untreatable: Mapping[str, str],
    layers: Mapping[str, keras.layers.Layer],
    include: Selector,
    exclude: Selector,
    overrides: Mapping[str, float] | None,
) -> tuple[list[Candidate], dict[str, float]]:
    """Returns the kernels to treat, and the overrides by kernel path.

    Args:
        candidates: The kernels that can be treated.
        untreatable: Path to reason for layers that cannot.
        layers: Every layer of the model by path.
        include: Names, expressions, or a predicate on layers. `None` means
            all but depthwise kernels.
        exclude: The same, for kernels to leave dense.
        overrides: Sparsity by name or expression; asks for depthwise kernels
            too.

    Raises:
        ValueError: If a name matches nothing, or asks for a layer that cannot
            be treated.
    """
    names = _names(candidates, untreatable)
    asked = _matched(include, names, layers, "include")
    left_out = _matched(exclude, names, layers, "exclude") or set()
    overridden: dict[str, float] = {}
    for pattern, sparsity in (overrides or {}).items():
        for name in match_names([pattern], names, "overrides"):
            # An exact name wins over an expression.
            if pattern == name or name not in (overrides or {}):
                overridden[name] = sparsity
    # A predicate looks at all layers; only names ask for one in particular.
    wanted = set(overridden) | (set() if callable(include) else asked or set())
    for name in sorted(wanted & set(untreatable)):
        raise ValueError(
            f"Layer '{name}' was asked for but cannot be made sparse: "
            f"{untreatable[name]}. Leave it out of `include` and `overrides`, "
            "or change the layer first."
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
    return chosen, by_path


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
