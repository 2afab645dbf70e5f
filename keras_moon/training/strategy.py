"""Which distribution strategies can train a Keras 3 model at all."""

import sys

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
