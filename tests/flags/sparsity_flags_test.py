import pytest

from flags import FlagError
from flags import SparsityConfig
from flags import define_sparsity_flags
from tests.flags.command_line import config_of


def test_flags_reach_the_config():
    config = config_of(
        define_sparsity_flags,
        "--method=set",
        "--sparsity=0.95",
        "--distribution=uniform",
        "--update_freq_steps=7",
        "--drop_fraction=0.5",
        "--stop_fraction=1",
    )
    assert config.sparsity == SparsityConfig(
        method="set",
        sparsity=0.95,
        distribution="uniform",
        update_freq_steps=7,
        drop_fraction=0.5,
        stop_fraction=1.0,
    )


def test_rigl_at_ninety_percent_is_the_default():
    config = config_of(define_sparsity_flags).sparsity
    assert (config.method, config.sparsity) == ("rigl", 0.9)


def test_defaults_of_a_program():
    def define(flag_values):
        define_sparsity_flags(flag_values, SparsityConfig(update_freq_steps=20))

    assert config_of(define).sparsity.update_freq_steps == 20


def test_percent_is_answered_with_the_fraction():
    with pytest.raises(FlagError, match=r"For 95 % pass --sparsity=0\.95\."):
        config_of(define_sparsity_flags, "--sparsity=95")


def test_nothing_left_is_answered():
    with pytest.raises(FlagError, match="At 1 no weight would be left"):
        config_of(define_sparsity_flags, "--sparsity=1.0")


@pytest.mark.parametrize(
    "flag",
    [
        "--sparsity=-0.1",
        "--sparsity=nan",
        "--method=lottery",
        "--distribution=er-k",
        "--update_freq_steps=0",
        "--drop_fraction=0",
        "--drop_fraction=1.5",
        "--stop_fraction=0",
    ],
)
def test_wrong_values(flag):
    with pytest.raises(FlagError, match=rf"Received: {flag}\."):
        config_of(define_sparsity_flags, flag)
