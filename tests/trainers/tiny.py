"""The digits program with a network and data small enough for a test."""

from absl import flags as absl_flags

import flags
from trainers import digits

# Three full batches an epoch, and few different batch sizes in evaluation:
# JAX compiles for each of them.
FLAGS = (
    "--width=4",
    "--epochs=2",
    "--batch_size=389",
    "--num_ood_samples=61",
    "--update_freq_steps=1",
    "--num_seeds=1",
)


def tiny_config(run_dir, *arguments):
    """Returns the configuration of a run of seconds."""
    flag_values = absl_flags.FlagValues()
    digits.define_flags(flag_values)
    flag_values(["digits", *FLAGS, f"--run_dir={run_dir}", *arguments])
    return flags.parse(flag_values)
