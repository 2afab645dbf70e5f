"""One compiled call for a pure function over tensors, on any backend."""

from collections.abc import Callable
from typing import Any

import keras


def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function from nested lists of tensors to the same.

    The function must be pure: keras.ops on its arguments, no variables.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # Not XLA: compiling the loops takes longer than they ever run.
        return tf.function(function, autograph=False)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function
