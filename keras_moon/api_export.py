"""The one decorator that makes a name public and, for classes, serializable.

``PUBLIC_NAMES`` maps every public path to its object; the tests read it to
check that each public name is listed in its package, documented, and that its
example runs.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras

PUBLIC_NAMES: dict[str, Any] = {}


def keras_moon_export(path: str) -> Callable[[Any], Any]:
    """Returns a decorator that exports an object under a public path.

    Classes with a ``get_config`` are also registered with Keras under the
    package ``"keras_moon"``, so that saved models find them. The registered
    name is part of every saved file: it must never change.

    Args:
        path: Public path without the leading ``keras_moon.``, for example
            ``"layers.SparseDense"``.

    Returns:
        A decorator that returns its argument unchanged.

    Raises:
        ValueError: If another object already has this path.
    """

    def decorate(obj: Any) -> Any:
        if path in PUBLIC_NAMES:
            raise ValueError(
                f"The public name 'keras_moon.{path}' is taken by "
                f"{PUBLIC_NAMES[path]!r}. Received: {obj!r}. Choose another."
            )
        PUBLIC_NAMES[path] = obj
        if inspect.isclass(obj) and hasattr(obj, "get_config"):
            keras.saving.register_keras_serializable(package="keras_moon")(obj)
        return obj

    return decorate
