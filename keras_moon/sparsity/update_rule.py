"""When masks change: every n steps, from a first step to a last one."""

import math
import operator
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from keras_moon.api_export import keras_moon_export

_DEFAULT_STOP_FRACTION = 0.75


@keras_moon_export("sparsity.UpdateRule")
@dataclass(frozen=True)
class UpdateRule:
    """Says at which training steps the masks are updated.

    Steps are counted as the optimizer counts them: after the first batch the
    step is 1. Updates are due at the steps `begin_step + k * every_steps`
    that are at least 1 and at most the stop step (Evci et al. 2020, section
    3: delta T and T_end).

    A rule that stops at a fraction of training must be resolved with the
    number of steps of the training before it can be asked for steps. Rules
    are immutable values; `resolve` returns a new one.

    Args:
        every_steps: Steps from one update to the next, at least 1. Defaults
            to `100`.
        begin_step: First step at which an update may happen, at least 0.
            Defaults to `0` (the first update is then at `every_steps`).
        stop_step: Last step at which an update may happen, at least
            `begin_step`. Defaults to `None`: `stop_fraction` decides.
        stop_fraction: The stop step as a fraction of all steps of the
            training, in `(0, 1]`. Give this or `stop_step`, not both.
            Defaults to `None`, which means `0.75` if there is no
            `stop_step`.

    Raises:
        TypeError: If a number of steps is not an integer.
        ValueError: If an argument is outside its range, or if both
            `stop_step` and `stop_fraction` are given.

    Example:

    >>> rule = km.sparsity.UpdateRule(every_steps=100, stop_fraction=0.75)
    >>> rule = rule.resolve(total_steps=1000)
    >>> rule.stop_step, rule.num_updates()
    (750, 7)
    >>> rule.last_due(195, 205)
    200
    >>> rule.last_due(200, 299) is None
    True
    """

    every_steps: int = 100
    begin_step: int = 0
    stop_step: int | None = None
    stop_fraction: float | None = None

    def __post_init__(self) -> None:
        self._set("every_steps", _steps("every_steps", self.every_steps, 1))
        self._set("begin_step", _steps("begin_step", self.begin_step, 0))
        if self.stop_step is None:
            if self.stop_fraction is None:
                self._set("stop_fraction", _DEFAULT_STOP_FRACTION)
            if not 0.0 < self.stop_fraction <= 1.0:
                raise ValueError(
                    "`stop_fraction` must be in (0, 1], a fraction of all "
                    f"training steps. Received: {self.stop_fraction}. For a "
                    "number of steps pass `stop_step`."
                )
            return
        if self.stop_fraction is not None:
            raise ValueError(
                "Give `stop_step` or `stop_fraction`, not both. Received: "
                f"stop_step={self.stop_step} and "
                f"stop_fraction={self.stop_fraction}."
            )
        self._set("stop_step", _steps("stop_step", self.stop_step, 0))
        if self.stop_step < self.begin_step:
            raise ValueError(
                "`stop_step` must be at least `begin_step`. Received: "
                f"stop_step={self.stop_step} and "
                f"begin_step={self.begin_step}."
            )

    def resolve(self, total_steps: int | None) -> "UpdateRule":
        """Returns the rule with its stop step fixed.

        Args:
            total_steps: Number of steps of the whole training, or `None` if
                the length of the data is unknown. Not looked at when the
                rule has a `stop_step`.

        Returns:
            A rule with a `stop_step`:
            `floor(stop_fraction * total_steps)`.

        Raises:
            ValueError: If the stop step depends on an unknown `total_steps`,
                or lies before `begin_step`.
        """
        if self.stop_step is not None:
            return self
        if total_steps is None:
            raise ValueError(
                f"`stop_fraction={self.stop_fraction}` needs the number of "
                "training steps, and the length of the data is unknown. "
                "Received: total_steps=None. Pass `stop_step` (the last step "
                "at which masks may change), or `steps_per_epoch` to `fit`."
            )
        total_steps = _steps("total_steps", total_steps, 1)
        # The rounding keeps 0.29 * 100 = 28.999... from losing a step.
        stop_step = math.floor(round(self.stop_fraction * total_steps, 6))
        if stop_step < self.begin_step:
            raise ValueError(
                f"`begin_step` must not lie after the last update. Received: "
                f"begin_step={self.begin_step}, but "
                f"stop_fraction={self.stop_fraction} of {total_steps} steps "
                f"is step {stop_step}. Begin earlier, or train longer."
            )
        return replace(self, stop_step=stop_step, stop_fraction=None)

    def last_due(self, previous_step: int, current_step: int) -> int | None:
        """Returns the last update step that training has just crossed.

        With `steps_per_execution` above 1, training moves by several steps
        between two looks, so updates are found by crossing.

        Args:
            previous_step: Step of the last look.
            current_step: Step now, at least `previous_step`.

        Returns:
            The largest update step `t` with
            `previous_step < t <= current_step`, or `None`.

        Raises:
            ValueError: If the rule is not resolved, or the steps run
                backwards.
        """
        stop_step = self._resolved_stop_step()
        if previous_step > current_step:
            raise ValueError(
                "`current_step` must be at least `previous_step`. Received: "
                f"previous_step={previous_step}, current_step={current_step}."
            )
        since_begin = min(current_step, stop_step) - self.begin_step
        if since_begin < 0:
            return None
        due = self.begin_step + since_begin // self.every_steps * (
            self.every_steps
        )
        return due if due > max(previous_step, 0) else None

    def progress(self, step: int) -> float:
        """Returns how far `step` is between begin (0) and stop (1).

        Args:
            step: A training step; outside the two it is clipped.

        Returns:
            `(step - begin_step) / (stop_step - begin_step)` in `[0, 1]`; 0
            at `begin_step`, also when training stops there.

        Raises:
            ValueError: If the rule is not resolved.
        """
        stop_step = self._resolved_stop_step()
        if step <= self.begin_step:
            return 0.0
        if step >= stop_step:
            return 1.0
        return (step - self.begin_step) / (stop_step - self.begin_step)

    def num_updates(self) -> int:
        """Returns how many updates a training past the stop step sees.

        Raises:
            ValueError: If the rule is not resolved.
        """
        span = self._resolved_stop_step() - self.begin_step
        # Step 0 is before the first batch: nothing is updated there.
        return span // self.every_steps + (1 if self.begin_step > 0 else 0)

    def get_config(self) -> dict[str, Any]:
        return {
            "every_steps": self.every_steps,
            "begin_step": self.begin_step,
            "stop_step": self.stop_step,
            "stop_fraction": self.stop_fraction,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "UpdateRule":
        return cls(**config)

    def _resolved_stop_step(self) -> int:
        if self.stop_step is None:
            raise ValueError(
                "This rule has no stop step yet. Received: "
                f"stop_fraction={self.stop_fraction}. Call "
                "`rule.resolve(total_steps)` first, or pass `stop_step`."
            )
        return self.stop_step

    def _set(self, name: str, value: Any) -> None:
        # The documented way for a frozen dataclass to normalize a field.
        object.__setattr__(self, name, value)


def _steps(name: str, value: Any, minimum: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(
            f"`{name}` must be an integer number of steps. Received: "
            f"{value!r} (of type {type(value).__name__})."
        )
    steps = operator.index(value)
    if steps < minimum:
        raise ValueError(
            f"`{name}` must be at least {minimum}. Received: {name}={steps}."
        )
    return steps
