"""How long and how fast a network learns."""

from dataclasses import dataclass

from absl import flags

from flags.checks import FlagError
from flags.checks import check_integer
from flags.checks import check_number

flags.disclaim_key_flags()


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the optimizer and of the loop.

    Attributes:
        epochs: Passes over the training data.
        batch_size: Samples per training step.
        learning_rate: First learning rate; it falls to zero along a cosine.
        weight_decay: Decoupled weight decay per step, before it is scaled by
            the learning rate.
    """

    epochs: int = 50
    batch_size: int = 64
    learning_rate: float = 0.1
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        check_integer("epochs", self.epochs, 1)
        check_integer("batch_size", self.batch_size, 1)
        check_number("learning_rate", self.learning_rate, zero=False)
        check_number("weight_decay", self.weight_decay, zero=True)

    def check_data_size(self, num_samples: int) -> None:
        """Raises if the training data do not fill one batch.

        Args:
            num_samples: Number of training samples.

        Raises:
            FlagError: If the batch is larger than the data.
        """
        if self.batch_size > num_samples:
            raise FlagError(
                "--batch_size must not be larger than the training data, "
                f"{num_samples} samples. "
                f"Received: --batch_size={self.batch_size}."
            )


def define_training_flags(
    flag_values: flags.FlagValues, defaults: TrainingConfig | None = None
) -> None:
    """Defines one flag per field of `TrainingConfig`.

    Args:
        flag_values: Where to define the flags.
        defaults: The program's defaults.
    """
    defaults = defaults or TrainingConfig()
    flags.DEFINE_integer(
        "epochs",
        defaults.epochs,
        "Passes over the training data.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "batch_size",
        defaults.batch_size,
        "Samples per training step.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "learning_rate",
        defaults.learning_rate,
        "First learning rate; it falls to zero along a cosine.",
        flag_values=flag_values,
    )
    flags.DEFINE_float(
        "weight_decay",
        defaults.weight_decay,
        "Decoupled weight decay, scaled by the learning rate.",
        flag_values=flag_values,
    )
