import pytest

from flags import DataConfig
from flags import FlagError
from flags import define_data_flags
from tests.flags.command_line import config_of


def test_flags_reach_the_config():
    config = config_of(
        define_data_flags,
        "--validation_fraction=0.2",
        "--data_seed=3",
        "--num_ood_samples=50",
    )
    assert config.data == DataConfig(0.2, 3, 50)


def test_defaults_of_a_program():
    def define(flag_values):
        define_data_flags(flag_values, DataConfig(num_ood_samples=7))

    assert config_of(define).data == DataConfig(num_ood_samples=7)


@pytest.mark.parametrize(
    "flag",
    [
        "--validation_fraction=0",
        "--validation_fraction=1",
        "--data_seed=-1",
        "--num_ood_samples=0",
    ],
)
def test_wrong_values(flag):
    with pytest.raises(FlagError, match=rf"Received: {flag}\b"):
        config_of(define_data_flags, flag)
