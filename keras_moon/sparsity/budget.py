"""Dividing a fixed number of weights among layers in proportion to scores."""

import math
from collections.abc import Mapping

from keras_moon.sparsity.counts import num_nonzeros


def spend_budget(
    shapes: Mapping[str, tuple[int, ...]],
    sparsity: float,
    rounding: str,
    fixed: Mapping[str, float],
    forced: set[str],
    scores: Mapping[str, float],
) -> dict[str, float]:
    """Scales `scores` to densities that add up to the budget.

    Scores are taken relative to the largest live one, so that no power makes
    all of them vanish, and sums are exactly rounded (`math.fsum`), so that
    the order of layers has no influence on the last bit.

    Args:
        shapes: Kernel shape of each layer.
        sparsity: Fraction of zeros over the layers of the budget.
        rounding: How the zeros of the budget are rounded, layer by layer.
        fixed: Densities of the layers outside the budget.
        forced: Layers of the budget that are dense whatever their score.
        scores: Score of each layer of the budget: the densities of the
            layers that do not saturate are proportional to it.

    Returns:
        The density of each layer, in the order of `shapes`.

    Raises:
        ValueError: If the forced layers leave nothing for the others, or a
            density vanishes.
    """
    sizes = {name: math.prod(shapes[name]) for name in scores}
    budget = sum(
        num_nonzeros(size, sparsity, rounding) for size in sizes.values()
    )
    densities = {name: 1.0 for name in forced}
    while True:
        live = [name for name in scores if name not in densities]
        left = budget - sum(sizes[name] for name in densities)
        if left < 0 or (live and left == 0):
            raise ValueError(
                f"Sparsity {sparsity} leaves {budget} of "
                f"{sum(sizes.values())} weights. Received: dense layers "
                f"{sorted(densities)}, which hold {budget - left} and leave "
                f"nothing for {sorted(live)}. Lower the sparsity, or move "
                "layers from `dense` to `overrides` (these leave the budget)."
            )
        largest = max((scores[name] for name in live), default=1.0)
        if largest == 0.0:
            raise _vanished(live[0], shapes)
        relative = {name: scores[name] / largest for name in live}
        total = math.fsum(relative[name] * sizes[name] for name in relative)
        if left <= total:
            break
        # All layers that tie become dense together; the order of the dict
        # must not choose among them.
        densities.update((n, 1.0) for n in live if scores[n] == largest)
    for name in live:
        densities[name] = relative[name] * left / total
        if densities[name] == 0.0:
            raise _vanished(name, shapes)
    densities.update(fixed)
    return {name: densities[name] for name in shapes}


def _vanished(name: str, shapes: Mapping[str, tuple[int, ...]]) -> ValueError:
    return ValueError(
        f"The density of layer '{name}' is too small for a float. Received: "
        f"shape {tuple(shapes[name])}. Use a smaller `power`."
    )
