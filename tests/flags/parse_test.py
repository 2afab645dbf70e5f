import dataclasses

import pytest
from absl import flags as absl_flags

import flags
from flags.parse import Config
from tests.flags.command_line import config_of

ALL = [
    flags.define_data_flags,
    flags.define_model_flags,
    flags.define_sparsity_flags,
    flags.define_training_flags,
    flags.define_evaluation_flags,
    flags.define_run_flags,
]


def test_every_concern_has_its_defaults():
    assert config_of(ALL) == Config(
        data=flags.DataConfig(),
        model=flags.ModelConfig(),
        sparsity=flags.SparsityConfig(),
        training=flags.TrainingConfig(),
        evaluation=flags.EvaluationConfig(),
        run=flags.RunConfig(),
    )


def test_one_flag_per_field():
    flag_values = absl_flags.FlagValues()
    for define in ALL:
        define(flag_values)
    fields = [
        name
        for concern in config_of(ALL).as_dict().values()
        for name in concern
    ]
    assert sorted(fields) == sorted(flag_values)


def test_a_concern_without_flags_is_none():
    config = config_of([flags.define_run_flags], "--seed=2")
    assert config == Config(run=flags.RunConfig(seed=2))
    assert list(config.as_dict()) == ["run"]


def test_the_config_cannot_change():
    config = config_of(ALL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.run = None
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.run.seed = 1


def test_as_dict_is_plain():
    content = config_of(ALL, "--sparsity=0.5").as_dict()
    assert content["sparsity"]["sparsity"] == 0.5
    assert set(map(type, content.values())) == {dict}


def test_global_flags_stay_clean():
    config_of(ALL)
    assert "sparsity" not in absl_flags.FLAGS
