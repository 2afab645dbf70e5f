import pytest

from flags import FlagError
from flags import RunConfig
from flags import define_run_flags
from tests.flags.command_line import config_of


def test_flags_reach_the_config():
    config = config_of(
        define_run_flags,
        "--run_dir=here",
        "--resume",
        "--seed=4",
        "--num_seeds=2",
        "--save_every_steps=5",
    )
    assert config.run == RunConfig("here", True, 4, 2, 5)
    assert list(config.run.seeds) == [4, 5]


def test_defaults_of_a_program():
    def define(flag_values):
        define_run_flags(flag_values, RunConfig(num_seeds=1))

    assert config_of(define).run == RunConfig(num_seeds=1)


@pytest.mark.parametrize(
    "flag",
    ["--seed=-1", "--seed=2147483648", "--num_seeds=0", "--save_every_steps=0"],
)
def test_wrong_values(flag):
    with pytest.raises(FlagError, match=rf"Received: {flag}\."):
        config_of(define_run_flags, flag)


def test_the_last_seed_is_a_seed():
    with pytest.raises(FlagError, match="--seed plus --num_seeds"):
        config_of(define_run_flags, "--seed=2147483647", "--num_seeds=2")


def test_resume_needs_a_directory():
    with pytest.raises(FlagError, match="Received: no --run_dir"):
        config_of(define_run_flags, "--resume")
