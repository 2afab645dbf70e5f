import pytest

from flags import EvaluationConfig
from flags import FlagError
from flags import define_evaluation_flags
from tests.flags.command_line import config_of


def test_flags_reach_the_config():
    config = config_of(
        define_evaluation_flags,
        "--ood_score=energy",
        "--positive=id",
        "--num_bins=10",
    )
    assert config.evaluation == EvaluationConfig("energy", "id", 10)


def test_defaults_of_a_program():
    def define(flag_values):
        define_evaluation_flags(flag_values, EvaluationConfig(num_bins=3))

    assert config_of(define).evaluation == EvaluationConfig(num_bins=3)


@pytest.mark.parametrize(
    "flag", ["--ood_score=entropy", "--positive=both", "--num_bins=0"]
)
def test_wrong_values(flag):
    with pytest.raises(FlagError, match=rf"Received: {flag}\."):
        config_of(define_evaluation_flags, flag)
