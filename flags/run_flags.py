"""Where a run keeps its files, and how often it is repeated."""

from dataclasses import dataclass

from absl import flags

from flags.checks import FlagError
from flags.checks import check_integer

flags.disclaim_key_flags()

_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class RunConfig:
    """One run: a directory and one or more seeds.

    Attributes:
        run_dir: Directory of the run; empty for a new one under `runs/`.
        resume: Whether to continue the run in `run_dir`. Where there is none
            yet, it starts.
        seed: First seed.
        num_seeds: How many consecutive seeds are trained.
        save_every_steps: Training steps from one checkpoint to the next; each
            epoch ends with one as well.
    """

    run_dir: str = ""
    resume: bool = False
    seed: int = 0
    num_seeds: int = 3
    save_every_steps: int = 200

    def __post_init__(self) -> None:
        check_integer("seed", self.seed, 0, _LARGEST_SEED)
        check_integer("num_seeds", self.num_seeds, 1)
        check_integer("save_every_steps", self.save_every_steps, 1)
        if self.seeds[-1] > _LARGEST_SEED:
            raise FlagError(
                f"--seed plus --num_seeds must not pass {_LARGEST_SEED}. "
                f"Received: --seed={self.seed} --num_seeds={self.num_seeds}."
            )
        if self.resume and not self.run_dir:
            raise FlagError(
                "--resume needs the directory of the run to continue. "
                "Received: no --run_dir."
            )

    @property
    def seeds(self) -> range:
        """The seeds of the run."""
        return range(self.seed, self.seed + self.num_seeds)


def define_run_flags(
    flag_values: flags.FlagValues, defaults: RunConfig | None = None
) -> None:
    """Defines one flag per field of `RunConfig`.

    Args:
        flag_values: Where to define the flags.
        defaults: The program's defaults.
    """
    defaults = defaults or RunConfig()
    flags.DEFINE_string(
        "run_dir",
        defaults.run_dir,
        "Directory of the run, new or empty unless --resume; by default a new "
        "one under runs/.",
        flag_values=flag_values,
    )
    flags.DEFINE_boolean(
        "resume",
        defaults.resume,
        "Continue the run in --run_dir, with the same flags.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "seed",
        defaults.seed,
        "First seed.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "num_seeds",
        defaults.num_seeds,
        "How many consecutive seeds are trained; the table shows their mean "
        "and standard deviation.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "save_every_steps",
        defaults.save_every_steps,
        "Training steps from one checkpoint to the next.",
        flag_values=flag_values,
    )
