"""From a command line to a running program, or to one clear line.

Imports nothing heavy: a mistyped flag is answered before the backend loads.
"""

import os
import sys
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from absl import app
from absl import flags
from absl import logging

from flags import Config
from flags import FlagError
from flags import parse

# What shells and argparse use for a wrong command line.
USAGE_ERROR = 2


def launch(
    define_flags: Callable[[flags.FlagValues], None],
    main: Callable[[Config], Any],
) -> None:
    """Runs a program and exits the process.

    A wrong flag, or a `FlagError` raised anywhere in `main`, ends in one line
    on stderr and exit code 2. Every other error keeps its traceback.

    Args:
        define_flags: Defines the program's flags on the given values.
        main: The program; receives the parsed configuration.
    """
    # TensorFlow's notices would stand between the lines of progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    define_flags(flags.FLAGS)
    app.run(lambda arguments: _main(main, arguments), flags_parser=_parse_argv)


def _parse_argv(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(list(argv))
    except flags.Error as error:
        fail(str(error))


def _main(main: Callable[[Config], Any], arguments: Sequence[str]) -> None:
    if not flags.FLAGS["verbosity"].present:
        # absl's own default is INFO: what JAX looks for, and the like.
        logging.set_verbosity(logging.WARNING)
    try:
        if len(arguments) > 1:
            raise FlagError(
                "Flags start with two dashes. "
                f"Received: {' '.join(arguments[1:])}."
            )
        main(parse(flags.FLAGS))
    except FlagError as error:
        fail(str(error))


def fail(message: str) -> None:
    """Prints one line on stderr and exits with code 2.

    Args:
        message: What is wrong; line breaks become spaces.
    """
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(USAGE_ERROR)
