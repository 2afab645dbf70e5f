"""Values of a variable where every replica of a strategy has its own.

Under `tf.distribute.MirroredStrategy` most variables are equal on all devices.
Sums of metrics are not: each device adds up what it saw, and whoever reads
the variable gets the sum over devices.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


def read_replicas(variable: Any) -> np.ndarray:
    """Returns the value of a Keras variable, of each replica if they differ.

    Args:
        variable: Keras variable, built.

    Returns:
        Array of the variable's shape, or of `(num_replicas, *shape)`.
    """
    replicas = _replicas(variable)
    if not replicas:
        # Of the variable, not of its `value`: NumPy cannot read the latter
        # under a strategy.
        return ops.convert_to_numpy(ops.convert_to_tensor(variable))
    return np.stack([replica.numpy() for replica in replicas])


def write_replicas(variable: Any, value: np.ndarray) -> None:
    """Writes back what `read_replicas` returned.

    On another number of devices, the value that the variable reads as is
    the same, and shared out anew.

    Args:
        variable: Keras variable, built.
        value: Array of the variable's shape, or of `(replicas, *shape)`.
    """
    # A copy: JAX may use this memory, and give it away to a step.
    value = np.array(value)
    if value.ndim > len(variable.shape):
        replicas = _replicas(variable)
        if len(replicas) == len(value):
            for replica, part in zip(replicas, value, strict=True):
                replica.assign(part)
            return
        is_sum = variable.aggregation == "sum"
        value = value.sum(axis=0) if is_sum else value.mean(axis=0)
    variable.assign(value)


def _replicas(variable: Any) -> Sequence[Any]:
    """The variables of the devices, or none where all devices are equal."""
    if keras.backend.backend() != "tensorflow":
        return ()
    import tensorflow as tf

    value = variable.value
    if (
        not isinstance(value, tf.distribute.DistributedValues)
        or value.synchronization != tf.VariableSynchronization.ON_READ
    ):
        return ()
    return value.distribute_strategy.experimental_local_results(value)
