import pytest

from flags import FlagError
from flags import ModelConfig
from flags import define_model_flags
from tests.flags.command_line import config_of


def test_flags_reach_the_config():
    config = config_of(
        define_model_flags, "--width=8", "--dropout_fraction=0.25"
    )
    assert config.model == ModelConfig(width=8, dropout_fraction=0.25)


def test_defaults_of_a_program():
    def define(flag_values):
        define_model_flags(flag_values, ModelConfig(width=5))

    assert config_of(define).model == ModelConfig(width=5)


@pytest.mark.parametrize(
    "flag", ["--width=0", "--dropout_fraction=1", "--dropout_fraction=-0.5"]
)
def test_wrong_values(flag):
    with pytest.raises(FlagError, match=rf"Received: {flag}\."):
        config_of(define_model_flags, flag)
