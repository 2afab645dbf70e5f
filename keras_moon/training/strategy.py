"""The distribution strategies of TensorFlow that a model lives under."""

import contextlib
import sys
from typing import Any

import keras


def refuse_multi_worker() -> None:
    """Raises under `tf.distribute.MultiWorkerMirroredStrategy`.

    Keras 3 cannot `fit` under it (keras#20585), and says so only deep inside
    TensorFlow, or hangs.

    Raises:
        ValueError: If it is the current strategy.
    """
    # Not imported yet means not in use.
    if keras.backend.backend() != "tensorflow" or "tensorflow" not in (
        sys.modules
    ):
        return
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    multi_worker = (
        tf.distribute.MultiWorkerMirroredStrategy,
        tf.distribute.experimental.MultiWorkerMirroredStrategy,
    )
    if isinstance(strategy, multi_worker):
        raise ValueError(
            "Keras 3 cannot train under MultiWorkerMirroredStrategy "
            f"(keras#20585). Received: {type(strategy).__name__}. For many "
            "hosts set KERAS_BACKEND=jax, call `jax.distributed.initialize` "
            "in each process, and use `keras.distribution.DataParallel`. For "
            "several devices of one host, `tf.distribute.MirroredStrategy` "
            "works."
        )


def strategy_scope(
    model: keras.Model,
) -> contextlib.AbstractContextManager[Any]:
    """Returns the scope that new variables of a model must be made in.

    A model made under a `tf.distribute` strategy keeps it; variables made
    outside of its scope would live on one device.

    Args:
        model: Any Keras model.

    Returns:
        The scope of the model's strategy; a context that does nothing where
        it has none, or the backend is not TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        return contextlib.nullcontext()
    import tensorflow as tf

    strategy = model.distribute_strategy
    # The model's own, or the current one where it has none.
    if strategy is tf.distribute.get_strategy():
        return contextlib.nullcontext()
    return strategy.scope()
