"""From parsed flags to one immutable, validated value."""

import dataclasses
from collections.abc import Iterator
from typing import Any
from typing import TypeVar

from absl import flags

from flags.data_flags import DataConfig
from flags.evaluation_flags import EvaluationConfig
from flags.model_flags import ModelConfig
from flags.run_flags import RunConfig
from flags.sparsity_flags import SparsityConfig
from flags.training_flags import TrainingConfig

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything a program was told, one field per concern.

    A concern whose flags the program does not define is `None`.
    """

    data: DataConfig | None = None
    model: ModelConfig | None = None
    sparsity: SparsityConfig | None = None
    training: TrainingConfig | None = None
    evaluation: EvaluationConfig | None = None
    run: RunConfig | None = None

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Returns the concerns that are set as plain nested dicts."""
        return {
            field.name: dataclasses.asdict(concern)
            for field, concern in self._concerns()
        }

    def _concerns(self) -> Iterator[tuple[dataclasses.Field, Any]]:
        for field in dataclasses.fields(self):
            concern = getattr(self, field.name)
            if concern is not None:
                yield field, concern


def parse(flag_values: flags.FlagValues) -> Config:
    """Reads and validates the flags that a program defined.

    Each flag has the name of one field of one concern. This is the only place
    that reads flag values; everything behind it gets the result.

    Args:
        flag_values: Flags whose command line has been parsed.

    Returns:
        The configuration.

    Raises:
        FlagError: If a value is out of range, or values do not fit together.
    """
    return Config(
        data=_read(DataConfig, flag_values),
        model=_read(ModelConfig, flag_values),
        sparsity=_read(SparsityConfig, flag_values),
        training=_read(TrainingConfig, flag_values),
        evaluation=_read(EvaluationConfig, flag_values),
        run=_read(RunConfig, flag_values),
    )


def _read(concern: type[T], flag_values: flags.FlagValues) -> T | None:
    names = [field.name for field in dataclasses.fields(concern)]
    if not any(name in flag_values for name in names):
        return None
    return concern(**{name: flag_values[name].value for name in names})
