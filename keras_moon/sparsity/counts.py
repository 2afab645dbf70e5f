"""Integer counts: how many weights of a layer stay."""

import math
import operator
from collections.abc import Mapping

from keras_moon.api_export import keras_moon_export

ROUNDINGS = ("floor", "round", "ceil")


@keras_moon_export("sparsity.num_nonzeros")
def num_nonzeros(size: int, sparsity: float, rounding: str = "floor") -> int:
    """Returns how many of `size` weights stay at a given sparsity.

    The number of zeros is `sparsity * size`, rounded; at least one weight is
    left. The default is the rule of the RigL code (`floor` of the product in
    double precision, `rigl/sparse_utils.py`). The tables published with RigL
    were counted before October 2020 with `ceil`.

    The product is not corrected for the binary representation of decimals:
    `0.29 * 100` is just below 29, and `floor` makes 28 zeros of it.

    Args:
        size: Number of weights, at least 1.
        sparsity: Fraction of zeros, in `[0, 1)`.
        rounding: How the number of *zeros* is rounded: `"floor"`, `"ceil"`
            or `"round"` (halves to even, as `np.round`).

    Returns:
        The number of weights that stay, from 1 to `size`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> km.sparsity.num_nonzeros(25, 0.9)
    3
    >>> km.sparsity.num_nonzeros(25, 0.9, rounding="ceil")
    2
    >>> km.sparsity.num_nonzeros(4, 0.99)
    1
    """
    size = operator.index(size)
    if size < 1:
        raise ValueError(
            f"`size` must be at least 1. Received: size={size}. A kernel "
            "without weights cannot be sparse."
        )
    check_sparsity(sparsity)
    check_rounding(rounding)
    product = sparsity * size
    if rounding == "floor":
        zeros = math.floor(product)
    elif rounding == "ceil":
        zeros = math.ceil(product)
    else:
        zeros = round(product)
    return max(1, size - zeros)


@keras_moon_export("sparsity.layer_nonzeros")
def layer_nonzeros(
    shapes: Mapping[str, tuple[int, ...]],
    densities: Mapping[str, float],
    rounding: str = "floor",
) -> dict[str, int]:
    """Turns the densities of a distribution into integer counts.

    Each layer gets `num_nonzeros(size, 1 - density)`. A layer whose sparsity
    was given as 0.1 gets exactly the count of `num_nonzeros(size, 0.1)`,
    although `1 - (1 - 0.1)` is not 0.1 in floating point.

    With the default rounding no layer gets less than its density asks for,
    so the total lies above the budget by at most one weight per layer.

    Args:
        shapes: Kernel shape of each layer.
        densities: Density of each layer, in `(0, 1]`, with the same keys.
        rounding: How the number of zeros is rounded, see `num_nonzeros`.

    Returns:
        The number of weights that stay per layer, in the order of `shapes`.

    Raises:
        ValueError: If the keys differ or a density is outside `(0, 1]`.

    Example:

    >>> shapes = {"hidden": (64, 32), "logits": (32, 10)}
    >>> densities = km.sparsity.uniform(shapes, 0.9)
    >>> km.sparsity.layer_nonzeros(shapes, densities)
    {'hidden': 205, 'logits': 32}
    """
    if set(shapes) != set(densities):
        raise ValueError(
            "`densities` must have the keys of `shapes`. Received: only in "
            f"shapes: {sorted(set(shapes) - set(densities))}, only in "
            f"densities: {sorted(set(densities) - set(shapes))}."
        )
    counts = {}
    for name, shape in shapes.items():
        density = densities[name]
        if not 0.0 < density <= 1.0:
            raise ValueError(
                f"A density must be in (0, 1]. Received: {density} for layer "
                f"'{name}'. For 90% sparsity the density is 0.1."
            )
        sparsity = sparsity_of(density)
        # Beside 1, a density below 1e-16 is lost; one weight still stays.
        if sparsity == 1.0:
            counts[name] = 1
        else:
            counts[name] = num_nonzeros(math.prod(shape), sparsity, rounding)
    return counts


def sparsity_of(density: float) -> float:
    """Returns `1 - density`, as the decimal it came from if there is one.

    `1 - (1 - 0.1)` is 0.09999999999999998, and `floor` would lose a zero to
    it. Several sparsities below one half share a density; among them the
    short decimal is the one that a person wrote.
    """
    difference = 1.0 - density
    decimal = round(difference, 15)
    return decimal if 1.0 - decimal == density else difference


def check_rounding(rounding: str) -> None:
    """Raises unless `rounding` names a rounding.

    Args:
        rounding: The name to check.

    Raises:
        ValueError: If it is not `"floor"`, `"round"` or `"ceil"`.
    """
    if rounding not in ROUNDINGS:
        raise ValueError(
            f"`rounding` must be one of {ROUNDINGS}. Received: "
            f"rounding={rounding!r}."
        )


def check_sparsity(sparsity: float, what: str = "`sparsity`") -> None:
    """Raises unless `sparsity` is a number in `[0, 1)`.

    Args:
        sparsity: The value to check.
        what: How the message names the value.

    Raises:
        TypeError: If it is no real number.
        ValueError: If it is outside `[0, 1)` or not a number.
    """
    try:
        number = float(sparsity)
    except (TypeError, ValueError):
        raise TypeError(
            f"{what} must be a number in [0, 1). Received: {sparsity!r} (of "
            f"type {type(sparsity).__name__})."
        ) from None
    if not 0.0 <= number < 1.0:
        hint = "At least one weight must stay."
        if 1.0 < number < 100.0:
            hint = (
                "It is a fraction, not a percentage: for "
                f"{number:g}% pass {number / 100:g}."
            )
        raise ValueError(
            f"{what} must be in [0, 1). Received: {sparsity}. {hint}"
        )
