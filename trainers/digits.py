"""Trains a sparse network on handwritten digits, and asks what it knows.

    python -m trainers.digits --sparsity=0.95

Real digits from scikit-learn, letters as near and photographs and noise as
far unknown samples: nothing is downloaded. Minutes on two cores.
"""

import math

from absl import flags as absl_flags

from flags import Config
from flags import DataConfig
from flags import FlagError
from flags import SparsityConfig
from flags import TrainingConfig
from flags import define_data_flags
from flags import define_evaluation_flags
from flags import define_model_flags
from flags import define_run_flags
from flags import define_sparsity_flags
from flags import define_training_flags
from trainers.launch import launch
from trainers.run_directory import open_run_directory

NUM_IMAGES = 1797
NUM_CLASSES = 10
TEST_FRACTION = 0.25


def define_flags(flag_values: absl_flags.FlagValues) -> None:
    """Defines the flags of this program, with its defaults."""
    define_data_flags(flag_values)
    define_model_flags(flag_values)
    define_sparsity_flags(flag_values, SparsityConfig(update_freq_steps=20))
    define_training_flags(flag_values, TrainingConfig(epochs=40))
    define_evaluation_flags(flag_values)
    define_run_flags(flag_values)


def num_training_images(data: DataConfig) -> int:
    """Returns the size of the training split, without loading it.

    Raises:
        FlagError: If training or validation would lack a class.
    """
    validation = math.ceil(data.validation_fraction * NUM_IMAGES)
    training = NUM_IMAGES - math.ceil(TEST_FRACTION * NUM_IMAGES) - validation
    if min(training, validation) < NUM_CLASSES:
        raise FlagError(
            f"--validation_fraction must leave at least {NUM_CLASSES} images "
            "for training and for validation. Received: "
            f"--validation_fraction={data.validation_fraction:g}, which gives "
            f"{training} and {validation}."
        )
    return training


def main(config: Config) -> None:
    """Runs the program."""
    config.training.check_data_size(num_training_images(config.data))
    run = open_run_directory(config, "digits")

    # Not before the flags are known to be right: it takes seconds to load.
    import keras_moon as km
    from trainers.digits_model import build_digits_model
    from trainers.experiment import Task
    from trainers.experiment import run_experiment

    digits = km.data.load_digits(
        seed=config.data.data_seed,
        validation_fraction=config.data.validation_fraction,
        test_fraction=TEST_FRACTION,
    )
    task = Task(
        train=digits.train,
        validation=digits.validation,
        test=digits.test,
        ood_sets=km.data.digits_ood_sets(
            seed=config.data.data_seed,
            num_samples=config.data.num_ood_samples,
        ),
        build_model=lambda seed: build_digits_model(
            config.model, digits.image_shape, digits.num_classes, seed
        ),
    )
    run_experiment(task, config, run)


if __name__ == "__main__":
    launch(define_flags, main)
