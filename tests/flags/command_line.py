"""Parses a command line with flags of its own, not the global ones."""

from absl import flags as absl_flags

from flags import parse


def config_of(define, *arguments):
    """Defines flags on fresh values, parses the arguments, reads them."""
    flag_values = absl_flags.FlagValues()
    for define_one in define if isinstance(define, list) else [define]:
        define_one(flag_values)
    flag_values(["program", *arguments])
    return parse(flag_values)
