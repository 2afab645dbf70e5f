"""Which samples a run sees, and how they are split."""

from dataclasses import dataclass

from absl import flags

from flags.checks import check_fraction
from flags.checks import check_integer

flags.disclaim_key_flags()  # `--help` lists them under the program.


@dataclass(frozen=True)
class DataConfig:
    """How the data are split and how many foreign samples are scored.

    Attributes:
        validation_fraction: Fraction of all samples that is held out to watch
            the training, in (0, 1).
        data_seed: Seed of the split and of the generated OOD sets. All seeds
            of a run share one split.
        num_ood_samples: Size of each generated OOD set.
    """

    validation_fraction: float = 0.1
    data_seed: int = 0
    num_ood_samples: int = 1000

    def __post_init__(self) -> None:
        check_fraction(
            "validation_fraction",
            self.validation_fraction,
            zero=False,
            one=False,
        )
        check_integer("data_seed", self.data_seed, 0, 2**31 - 1)
        check_integer("num_ood_samples", self.num_ood_samples, 1)


def define_data_flags(
    flag_values: flags.FlagValues, defaults: DataConfig | None = None
) -> None:
    """Defines one flag per field of `DataConfig`.

    Args:
        flag_values: Where to define the flags.
        defaults: The program's defaults.
    """
    defaults = defaults or DataConfig()
    flags.DEFINE_float(
        "validation_fraction",
        defaults.validation_fraction,
        "Fraction of the samples held out to watch the training, in (0, 1).",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "data_seed",
        defaults.data_seed,
        "Seed of the data split and of the OOD sets; shared by all seeds.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "num_ood_samples",
        defaults.num_ood_samples,
        "Samples in each generated OOD set.",
        flag_values=flag_values,
    )
