"""ERK by an independent algorithm."""

import numpy as np


def reference_erk(shapes, sparsity, power=1.0, dense=()):
    """ERK by another road: min(1, scale * score), the scale by bisection.

    The rounds of saturation are those of filling vessels with water, whose
    level is unique, so no round is simulated here.
    """
    names = list(shapes)
    sizes = np.array([np.prod(shapes[n], dtype=float) for n in names])
    scores = np.array(
        [
            np.inf if n in dense else (np.sum(shapes[n]) / size) ** power
            for n, size in zip(names, sizes, strict=True)
        ]
    )
    budget = np.sum(sizes - np.floor(sparsity * sizes))
    low, high = 0.0, 1.0 / scores.min()
    for _ in range(200):
        middle = (low + high) / 2
        spent = np.sum(sizes * np.minimum(1.0, middle * scores))
        low, high = (middle, high) if spent < budget else (low, middle)
    densities = np.minimum(1.0, high * scores)
    return dict(zip(names, densities.tolist(), strict=True))
