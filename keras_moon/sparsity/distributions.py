"""How a network's sparsity is divided among its layers.

A distribution maps kernel shapes to densities. The budget is the number of
weights that would stay if every layer had the asked sparsity; Erdos-Renyi
and ERK spend the same budget, but leave small layers denser than large ones.
"""

import math
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from keras_moon.api_export import keras_moon_export
from keras_moon.sparsity.budget import spend_budget
from keras_moon.sparsity.counts import check_rounding
from keras_moon.sparsity.counts import check_sparsity
from keras_moon.sparsity.matching import match_names
from keras_moon.sparsity.matching import match_values

Shapes = Mapping[str, tuple[int, ...]]


@keras_moon_export("sparsity.uniform")
def uniform(
    shapes: Shapes,
    sparsity: float,
    overrides: Mapping[str, float] | None = None,
    dense: Sequence[str] = (),
    rounding: str = "floor",
) -> dict[str, float]:
    """Gives every layer the same density.

    Networks for ImageNet usually keep the first convolution unmasked under
    this distribution (Evci et al. 2020, section 3): pass
    `overrides={"conv1": 0.0}`.

    Args:
        shapes: Kernel shape of each layer, keyed by name.
        sparsity: Fraction of zeros, in `[0, 1)`.
        overrides: Sparsities of single layers, keyed by exact name or by a
            regular expression for the whole name (an exact name wins). They
            leave the budget: other layers keep `sparsity`.
        dense: Names or regular expressions of layers that are kept dense
            *inside* the budget: the other layers, still all alike, become
            sparser to pay for them.
        rounding: How the zeros of the budget are rounded, layer by layer:
            `"floor"`, `"round"` or `"ceil"`, see `num_nonzeros`. There is
            a budget only with `dense` layers.

    Returns:
        The density of each layer, in `(0, 1]`, in the order of `shapes`.

    Raises:
        TypeError: If a key, pattern or sparsity has the wrong type.
        ValueError: If a sparsity is outside `[0, 1)`, `rounding` is unknown,
            a name matches no layer, or the dense layers alone exceed the
            budget.

    Example:

    >>> shapes = {"conv1": (3, 3, 3, 16), "fc": (64, 10)}
    >>> km.sparsity.uniform(shapes, 0.75, overrides={"conv1": 0.0})
    {'conv1': 1.0, 'fc': 0.25}
    """
    fixed, forced = _choose(shapes, sparsity, overrides, dense, rounding)
    if forced:
        scores = {name: 1.0 for name in shapes if name not in fixed}
        return spend_budget(shapes, sparsity, rounding, fixed, forced, scores)
    return {name: fixed.get(name, 1.0 - float(sparsity)) for name in shapes}


@keras_moon_export("sparsity.erdos_renyi")
def erdos_renyi(
    shapes: Shapes,
    sparsity: float,
    overrides: Mapping[str, float] | None = None,
    dense: Sequence[str] = (),
    rounding: str = "floor",
) -> dict[str, float]:
    """Scales densities with `(n_in + n_out) / (n_in * n_out)`.

    The rule of SET (Mocanu et al. 2018, equation 1), with the budget and the
    treatment of saturated layers of `erdos_renyi_kernel`. `n_in` and `n_out`
    are the last two dimensions of a kernel; its window does not count.

    Args:
        shapes: Kernel shape of each layer, keyed by name; at least two
            dimensions.
        sparsity: Fraction of zeros over all layers of the budget, in
            `[0, 1)`.
        overrides: Sparsities of single layers, keyed by exact name or by a
            regular expression for the whole name (an exact name wins). They
            leave the budget.
        dense: Names or regular expressions of layers that are kept dense
            inside the budget.
        rounding: How the zeros of the budget are rounded, layer by layer:
            `"floor"`, `"round"` or `"ceil"`, see `num_nonzeros`.

    Returns:
        The density of each layer, in `(0, 1]`, in the order of `shapes`.

    Raises:
        TypeError: If a key, pattern or sparsity has the wrong type.
        ValueError: If a sparsity is outside `[0, 1)`, `rounding` is unknown,
            a name matches no layer, a kernel has one dimension, or the dense
            layers alone exceed the budget.

    Example:

    >>> shapes = {"hidden": (100, 100), "logits": (100, 20)}
    >>> densities = km.sparsity.erdos_renyi(shapes, 0.9)
    >>> {name: round(density, 4) for name, density in densities.items()}
    {'hidden': 0.075, 'logits': 0.225}
    """
    fixed, forced = _choose(shapes, sparsity, overrides, dense, rounding)
    scores = {}
    for name, shape in shapes.items():
        if name in fixed:
            continue
        if len(shape) < 2:
            raise ValueError(
                "Erdos-Renyi needs kernels with at least two dimensions "
                f"(n_in, n_out). Received: shape {tuple(shape)} for layer "
                f"'{name}'. Give it an override, or use the distribution "
                "'erk'."
            )
        scores[name] = (shape[-2] + shape[-1]) / (shape[-2] * shape[-1])
    return spend_budget(shapes, sparsity, rounding, fixed, forced, scores)


@keras_moon_export("sparsity.erdos_renyi_kernel")
def erdos_renyi_kernel(
    shapes: Shapes,
    sparsity: float,
    overrides: Mapping[str, float] | None = None,
    power: float = 1.0,
    dense: Sequence[str] = (),
    rounding: str = "floor",
) -> dict[str, float]:
    """Scales densities with `(sum of dimensions / product) ** power` (ERK).

    The rule of RigL (Evci et al. 2020, section 3), as in its code: the scale
    is chosen so that all layers together keep
    `sum(size - floor(sparsity * size))` weights. A layer that would need a
    density above 1 becomes dense, together with all that tie with it, and
    the scale is chosen again for the rest.

    ERK sees the dimensions as they are given. Kernels that are matrices in
    disguise (`EinsumDense`) should be passed as `(fan_in, fan_out)`.

    Args:
        shapes: Kernel shape of each layer, keyed by name.
        sparsity: Fraction of zeros over all layers of the budget, in
            `[0, 1)`.
        overrides: Sparsities of single layers, keyed by exact name or by a
            regular expression for the whole name (an exact name wins). They
            leave the budget.
        power: Exponent, at least 0. At 0 all layers get the same density.
        dense: Names or regular expressions of layers that are kept dense
            inside the budget: the other layers pay for them.
        rounding: How the zeros of the budget are rounded, layer by layer:
            `"floor"`, `"round"` or `"ceil"`, see `num_nonzeros`.

    Returns:
        The density of each layer, in `(0, 1]`, in the order of `shapes`.

    Raises:
        TypeError: If a key, pattern or sparsity has the wrong type.
        ValueError: If a sparsity is outside `[0, 1)`, `rounding` is unknown,
            a name matches no layer, `power` is negative or so large that a
            density vanishes, or the dense layers alone exceed the budget.

    Example:

    >>> shapes = {"conv": (3, 3, 64, 128), "logits": (128, 10)}
    >>> densities = km.sparsity.erdos_renyi_kernel(shapes, 0.9)
    >>> {name: round(density, 4) for name, density in densities.items()}
    {'conv': 0.0844, 'logits': 1.0}
    """
    fixed, forced = _choose(shapes, sparsity, overrides, dense, rounding)
    if not 0.0 <= power < math.inf:
        raise ValueError(
            "`power` must be a finite number, at least 0. Received: "
            f"power={power}. 1 is ERK, 0 is uniform."
        )
    scores = {
        name: (sum(shape) / math.prod(shape)) ** power
        for name, shape in shapes.items()
        if name not in fixed
    }
    return spend_budget(shapes, sparsity, rounding, fixed, forced, scores)


_DISTRIBUTIONS: dict[str, Callable[..., dict[str, float]]] = {
    "uniform": uniform,
    "er": erdos_renyi,
    "erdos_renyi": erdos_renyi,
    "erk": erdos_renyi_kernel,
    "erdos_renyi_kernel": erdos_renyi_kernel,
}


@keras_moon_export("sparsity.distribution")
def distribution(name: str) -> Callable[..., dict[str, float]]:
    """Returns the distribution of a given name.

    Args:
        name: `"uniform"`, `"er"` or `"erdos_renyi"`, `"erk"` or
            `"erdos_renyi_kernel"`.

    Returns:
        The function of that name: `uniform`, `erdos_renyi` or
        `erdos_renyi_kernel`.

    Raises:
        ValueError: If no distribution has this name.

    Example:

    >>> km.sparsity.distribution("erk").__name__
    'erdos_renyi_kernel'
    """
    if name not in _DISTRIBUTIONS:
        raise ValueError(
            f"`distribution` must be one of {sorted(_DISTRIBUTIONS)}. "
            f"Received: {name!r}."
        )
    return _DISTRIBUTIONS[name]


def _choose(
    shapes: Shapes,
    sparsity: float,
    overrides: Mapping[str, float] | None,
    dense: Sequence[str],
    rounding: str,
) -> tuple[dict[str, float], set[str]]:
    """Checks the arguments; returns overridden densities and dense names."""
    check_sparsity(sparsity)
    check_rounding(rounding)
    if not shapes:
        raise ValueError(
            "`shapes` must name at least one layer. Received: an empty dict."
        )
    for name, shape in shapes.items():
        if not shape or any(dim < 1 for dim in shape):
            raise ValueError(
                "A kernel shape must have positive dimensions. Received: "
                f"{tuple(shape)} for layer '{name}'."
            )
    fixed = {}
    for name, value in match_values(overrides, shapes, "overrides").items():
        check_sparsity(value, f"The override of layer '{name}'")
        fixed[name] = 1.0 - float(value)
    forced = match_names(dense, shapes, "dense")
    both = sorted(forced.intersection(fixed))
    if both:
        raise ValueError(
            "A layer is either overridden (it leaves the budget) or dense "
            f"inside the budget. Received: {both} in both `overrides` and "
            "`dense`."
        )
    return fixed, forced
