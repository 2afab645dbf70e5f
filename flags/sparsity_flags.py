"""How sparse the network is, and how its connections change."""

from dataclasses import dataclass

from absl import flags

from flags.checks import check_choice
from flags.checks import check_fraction
from flags.checks import check_integer

flags.disclaim_key_flags()

METHODS = ("dense", "static", "set", "rigl")
DISTRIBUTIONS = ("erk", "er", "uniform")


@dataclass(frozen=True)
class SparsityConfig:
    """The sparse training method and its settings.

    `method="dense"` trains without masks and uses none of the other settings;
    `method="static"` keeps its first masks and uses only `sparsity` and
    `distribution`.

    Attributes:
        method: `"dense"`, `"static"`, `"set"` or `"rigl"`.
        sparsity: Fraction of the maskable weights that is zero, in [0, 1).
        distribution: How the remaining weights are shared among the layers:
            `"erk"`, `"er"` or `"uniform"`.
        update_freq_steps: Training steps from one mask update to the next.
        drop_fraction: Fraction of a layer's connections that the first update
            replaces, in (0, 1]; it falls to zero along a cosine.
        stop_fraction: Fraction of the training after which masks stay, in
            (0, 1].
    """

    method: str = "rigl"
    sparsity: float = 0.9
    distribution: str = "erk"
    update_freq_steps: int = 100
    drop_fraction: float = 0.3
    stop_fraction: float = 0.75

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        percent = self.sparsity
        check_fraction(
            "sparsity",
            self.sparsity,
            zero=True,
            one=False,
            hint=f"For {percent:g} % pass --sparsity={percent / 100:g}."
            if 1.0 < percent < 100.0
            else "At 1 no weight would be left."
            if percent == 1.0
            else "",
        )
        check_choice("distribution", self.distribution, DISTRIBUTIONS)
        check_integer("update_freq_steps", self.update_freq_steps, 1)
        check_fraction(
            "drop_fraction", self.drop_fraction, zero=False, one=True
        )
        check_fraction(
            "stop_fraction", self.stop_fraction, zero=False, one=True
        )


def define_sparsity_flags(
    flag_values: flags.FlagValues, defaults: SparsityConfig | None = None
) -> None:
    """Defines one flag per field of `SparsityConfig`.

    Args:
        flag_values: Where to define the flags.
        defaults: The program's defaults.
    """
    defaults = defaults or SparsityConfig()
    flags.DEFINE_string(
        "method",
        defaults.method,
        f"How connections change: {', '.join(METHODS)}. dense trains without "
        "masks and ignores the other sparsity flags.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "sparsity",
        defaults.sparsity,
        "Fraction of the maskable weights that is zero, in [0, 1).",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "distribution",
        defaults.distribution,
        "How the remaining weights are shared among the layers: "
        f"{', '.join(DISTRIBUTIONS)}.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "update_freq_steps",
        defaults.update_freq_steps,
        "Training steps from one mask update to the next (set, rigl).",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "drop_fraction",
        defaults.drop_fraction,
        "Fraction of the connections that the first update replaces, in "
        "(0, 1]; falls to zero along a cosine (set, rigl).",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "stop_fraction",
        defaults.stop_fraction,
        "Fraction of the training after which masks stay, in (0, 1] (set, "
        "rigl).",
        flag_values=flag_values,
    )
