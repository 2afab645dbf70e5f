import pytest

from flags import FlagError
from flags import TrainingConfig
from flags import define_training_flags
from tests.flags.command_line import config_of


def test_flags_reach_the_config():
    config = config_of(
        define_training_flags,
        "--epochs=3",
        "--batch_size=16",
        "--learning_rate=0.2",
        "--weight_decay=0",
    )
    assert config.training == TrainingConfig(3, 16, 0.2, 0.0)


def test_defaults_of_a_program():
    def define(flag_values):
        define_training_flags(flag_values, TrainingConfig(epochs=9))

    assert config_of(define).training == TrainingConfig(epochs=9)


@pytest.mark.parametrize(
    "flag",
    [
        "--epochs=0",
        "--batch_size=0",
        "--learning_rate=0",
        "--learning_rate=inf",
        "--weight_decay=-1",
    ],
)
def test_wrong_values(flag):
    with pytest.raises(FlagError, match=rf"Received: {flag}\."):
        config_of(define_training_flags, flag)


def test_the_batch_fits_into_the_data():
    config = TrainingConfig(batch_size=100)
    config.check_data_size(100)
    with pytest.raises(FlagError, match=r"99 samples.*--batch_size=100\."):
        config.check_data_size(99)
