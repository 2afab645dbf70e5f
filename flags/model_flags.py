"""The size of the network and how it is regularised from inside."""

from dataclasses import dataclass

from absl import flags

from flags.checks import check_fraction
from flags.checks import check_integer

flags.disclaim_key_flags()


@dataclass(frozen=True)
class ModelConfig:
    """What the network looks like before it is made sparse.

    Attributes:
        width: Channels of the first block; later blocks are multiples.
        dropout_fraction: Fraction of the features dropped before the last
            layer, in [0, 1).
    """

    width: int = 32
    dropout_fraction: float = 0.1

    def __post_init__(self) -> None:
        check_integer("width", self.width, 1)
        check_fraction(
            "dropout_fraction", self.dropout_fraction, zero=True, one=False
        )


def define_model_flags(
    flag_values: flags.FlagValues, defaults: ModelConfig | None = None
) -> None:
    """Defines one flag per field of `ModelConfig`.

    Args:
        flag_values: Where to define the flags.
        defaults: The program's defaults.
    """
    defaults = defaults or ModelConfig()
    flags.DEFINE_integer(
        "width",
        defaults.width,
        "Channels of the network's first block.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "dropout_fraction",
        defaults.dropout_fraction,
        "Fraction of the features dropped before the last layer, in [0, 1).",
        flag_values=flag_values,
    )
