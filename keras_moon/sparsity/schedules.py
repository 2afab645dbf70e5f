"""Drop fractions: which part of a layer's connections an update replaces.

Schedules are values: immutable, comparable, serializable with Keras. They
see only the progress between the first and the last possible update, which
`UpdateRule.progress` computes.
"""

import math
from dataclasses import dataclass
from typing import Any

from keras_moon.api_export import keras_moon_export


@keras_moon_export("sparsity.DropFraction")
@dataclass(frozen=True)
class DropFraction:
    """Base of the drop fractions: a callable from progress to a fraction.

    `drop_fraction` of the callbacks and of `km.training.MaskUpdater` takes
    any instance. A subclass implements `decay(progress)`, which is 1 at the
    beginning. Register it with
    `keras.saving.register_keras_serializable`, and extend `get_config` if it
    has arguments of its own.

    Args:
        fraction: Part of a layer's connections that the first update
            replaces, in `[0, 1]`. Defaults to `0.3`.

    Raises:
        ValueError: If `fraction`, or the progress of a call, is outside
            `[0, 1]`.
        NotImplementedError: If a subclass without `decay` is called.

    Example:

    >>> class HalfWay(km.sparsity.DropFraction):
    ...     def decay(self, progress):
    ...         return 1.0 if progress < 0.5 else 0.0
    >>> drop_fraction = HalfWay(0.4)
    >>> drop_fraction(0.2), drop_fraction(0.7)
    (0.4, 0.0)
    """

    fraction: float = 0.3

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction <= 1.0:
            raise ValueError(
                "`fraction` must be in [0, 1], the part of the connections "
                f"that an update replaces. Received: fraction={self.fraction} "
                f"for {type(self).__name__}."
            )

    def __call__(self, progress: float) -> float:
        """Returns the drop fraction at `progress`, a number in `[0, 1]`."""
        if not 0.0 <= progress <= 1.0:
            raise ValueError(
                "`progress` must be in [0, 1], from the first to the last "
                f"possible update. Received: progress={progress} for "
                f"{self}. `UpdateRule.progress(step)` computes it."
            )
        return self.fraction * self.decay(progress)

    def decay(self, progress: float) -> float:
        """Returns the share of `fraction` that is left at `progress`.

        Args:
            progress: Place between first and last update, in `[0, 1]`.

        Returns:
            A factor that is 1 at the beginning.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement `decay(progress)`."
        )

    def get_config(self) -> dict[str, Any]:
        return {"fraction": self.fraction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DropFraction":
        return cls(**config)


@keras_moon_export("sparsity.ConstantDropFraction")
@dataclass(frozen=True)
class ConstantDropFraction(DropFraction):
    """The same drop fraction at every update, as in SET.

    Mocanu et al. 2018 (SET), where it is called zeta.

    Args:
        fraction: Part of a layer's connections that an update replaces, in
            `[0, 1]`. Defaults to `0.3`.

    Raises:
        ValueError: If `fraction`, or the progress of a call, is outside
            `[0, 1]`.

    Example:

    >>> drop_fraction = km.sparsity.ConstantDropFraction(0.3)
    >>> drop_fraction(0.0), drop_fraction(1.0)
    (0.3, 0.3)
    """

    def decay(self, progress: float) -> float:
        return 1.0


@keras_moon_export("sparsity.CosineDropFraction")
@dataclass(frozen=True)
class CosineDropFraction(DropFraction):
    """A drop fraction that falls to 0 along half a cosine: RigL's default.

    `fraction / 2 * (1 + cos(pi * progress))`, Evci et al. 2020 (RigL),
    section 3, equation for `f_decay`. The code of RigL divides the global
    step by `stop - begin`; here progress starts at `begin`. The two agree
    when updates begin at step 0.

    Args:
        fraction: Part of a layer's connections that the first update
            replaces, in `[0, 1]`. Defaults to `0.3`.

    Raises:
        ValueError: If `fraction`, or the progress of a call, is outside
            `[0, 1]`.

    Example:

    >>> drop_fraction = km.sparsity.CosineDropFraction(0.3)
    >>> [round(drop_fraction(x), 4) for x in (0.0, 0.5, 1.0)]
    [0.3, 0.15, 0.0]
    """

    def decay(self, progress: float) -> float:
        return (1.0 + math.cos(math.pi * progress)) / 2.0


@keras_moon_export("sparsity.ExponentialDropFraction")
@dataclass(frozen=True)
class ExponentialDropFraction(DropFraction):
    """A drop fraction that falls to 0 as a power of the remaining progress.

    `fraction * (1 - progress) ** power`. The name is that of the RigL code
    (`drop_fraction_anneal="exponential_<power>"`), which is also where the
    default power is from; Evci et al. 2020, appendix, call it inverse power.

    Args:
        fraction: Part of a layer's connections that the first update
            replaces, in `[0, 1]`. Defaults to `0.3`.
        power: Exponent, greater than 0. At `1.0`, the default, the fraction
            falls linearly.

    Raises:
        ValueError: If `fraction`, or the progress of a call, is outside
            `[0, 1]`, or `power` is not a positive number.

    Example:

    >>> drop_fraction = km.sparsity.ExponentialDropFraction(0.4, power=2.0)
    >>> [drop_fraction(x) for x in (0.0, 0.5, 1.0)]
    [0.4, 0.1, 0.0]
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.power < math.inf:
            raise ValueError(
                "`power` must be a positive, finite number. Received: "
                f"power={self.power} for ExponentialDropFraction. For a "
                "fraction that does not fall use ConstantDropFraction."
            )

    def decay(self, progress: float) -> float:
        return (1.0 - progress) ** self.power

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power}
