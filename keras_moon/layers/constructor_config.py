"""A configuration that a class without `get_config` of its own accepts."""

import inspect
from typing import Any

# What Keras's own `get_config` adds to the recorded constructor arguments.
_BASE_KEYS = ("name", "trainable", "dtype", "activity_regularizer")


def constructor_config(cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """Drops what Keras added to a configuration and `cls` does not take.

    Keras records the constructor's arguments of classes without a
    `get_config`, but adds keys such as `dtype`, so that `from_config` fails
    for the commonest subclassed model: `def __init__(self):`.
    """
    module = getattr(cls.get_config, "__module__", "")
    if module.split(".")[0] != "keras":
        return config
    parameters = inspect.signature(cls.__init__).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return config
    return {
        key: value
        for key, value in config.items()
        if key not in _BASE_KEYS or key in parameters
    }
