"""How a trained network is judged."""

from dataclasses import dataclass

from absl import flags

from flags.checks import check_choice
from flags.checks import check_integer

flags.disclaim_key_flags()

OOD_SCORES = ("msp", "max_logit", "energy")
POSITIVES = ("ood", "id")


@dataclass(frozen=True)
class EvaluationConfig:
    """What the final table shows.

    Attributes:
        ood_score: The score in the table; metrics.json holds all of them.
        positive: The group to be detected: `"ood"` as in OpenOOD v1.5, or
            `"id"` as in OpenOOD v1.0.
        num_bins: Bins of the calibration error and the reliability diagram.
    """

    ood_score: str = "msp"
    positive: str = "ood"
    num_bins: int = 15

    def __post_init__(self) -> None:
        check_choice("ood_score", self.ood_score, OOD_SCORES)
        check_choice("positive", self.positive, POSITIVES)
        check_integer("num_bins", self.num_bins, 1)


def define_evaluation_flags(
    flag_values: flags.FlagValues, defaults: EvaluationConfig | None = None
) -> None:
    """Defines one flag per field of `EvaluationConfig`.

    Args:
        flag_values: Where to define the flags.
        defaults: The program's defaults.
    """
    defaults = defaults or EvaluationConfig()
    flags.DEFINE_string(
        "ood_score",
        defaults.ood_score,
        "The OOD score in the table and the histograms: "
        f"{', '.join(OOD_SCORES)}. metrics.json holds all of them.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "positive",
        defaults.positive,
        "The group that AUROC and FPR95 detect: ood (OpenOOD v1.5) or id "
        "(OpenOOD v1.0).",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "num_bins",
        defaults.num_bins,
        "Bins of the calibration error and of the reliability diagram.",
        flag_values=flag_values,
    )
