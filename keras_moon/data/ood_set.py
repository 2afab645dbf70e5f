"""A named set of out-of-distribution samples."""

import dataclasses

import numpy as np

from keras_moon.api_export import keras_moon_export

_GROUPS = ("near", "far")


@keras_moon_export("data.OODSet")
@dataclasses.dataclass(frozen=True, eq=False)
class OODSet:
    """Out-of-distribution samples, with what a results table says about them.

    Near sets show other objects of the same kind as the training data, far
    sets something else altogether; tables average the two groups apart.

    Args:
        name: Name of the set, the row or column title in tables.
        group: `"near"` or `"far"`.
        x: Samples in the format of the in-distribution inputs, shape
            `(samples, ...)`. Made read-only.
        description: One line that says what the samples are.

    Raises:
        ValueError: If `group` is unknown or `x` has no samples.

    Example:

    >>> blank = km.data.OODSet(
    ...     "blank", "far", np.zeros((5, 8, 8, 1), "float32"), "Empty images."
    ... )
    >>> blank.group, len(blank)
    ('far', 5)
    """

    name: str
    group: str
    x: np.ndarray
    description: str

    def __post_init__(self):
        if self.group not in _GROUPS:
            raise ValueError(
                f"`group` must be one of {_GROUPS}. Received: "
                f"group={self.group!r} for the OOD set {self.name!r}."
            )
        if np.ndim(self.x) == 0 or len(self.x) == 0:
            raise ValueError(
                "`x` must hold at least one sample, shape (samples, ...). "
                f"Received shape {np.shape(self.x)} for the OOD set "
                f"{self.name!r}."
            )
        self.x.setflags(write=False)

    def __len__(self) -> int:
        return len(self.x)
