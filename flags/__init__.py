"""Command-line flags: one file per concern, one `parse` for all of them."""

from flags.checks import FlagError as FlagError
from flags.data_flags import DataConfig as DataConfig
from flags.data_flags import define_data_flags as define_data_flags
from flags.evaluation_flags import EvaluationConfig as EvaluationConfig
from flags.evaluation_flags import (
    define_evaluation_flags as define_evaluation_flags,
)
from flags.model_flags import ModelConfig as ModelConfig
from flags.model_flags import define_model_flags as define_model_flags
from flags.parse import Config as Config
from flags.parse import parse as parse
from flags.run_flags import RunConfig as RunConfig
from flags.run_flags import define_run_flags as define_run_flags
from flags.sparsity_flags import SparsityConfig as SparsityConfig
from flags.sparsity_flags import define_sparsity_flags as define_sparsity_flags
from flags.training_flags import TrainingConfig as TrainingConfig
from flags.training_flags import define_training_flags as define_training_flags
