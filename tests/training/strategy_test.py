"""Strategies that cannot work are refused at once."""

import contextlib
import os
import subprocess
import sys

import keras
import pytest

from keras_moon.training.strategy import refuse_multi_worker
from keras_moon.training.strategy import strategy_scope

_SCRIPT = """
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
import keras
import keras_moon as km
with strategy.scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    try:
        km.sparsify(model, 0.5)
    except ValueError as error:
        print("REFUSED", error)
"""


def test_the_default_strategy_is_fine():
    refuse_multi_worker()


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a TensorFlow strategy"
)
def test_mirrored_strategy_is_fine():
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        refuse_multi_worker()


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a TensorFlow strategy"
)
def test_multi_worker_is_refused_with_the_way_out():
    # In a process of its own: collectives are configured at start-up.
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert "REFUSED Keras 3 cannot train under" in done.stdout
    assert "jax.distributed.initialize" in done.stdout


_OUTSIDE = """
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
import keras
import numpy as np
import keras_moon as km
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    dense = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16)])
sparse = km.sparsify(dense, 0.5)
plain = km.strip(sparse)
assert sparse.distribute_strategy is strategy
assert plain.distribute_strategy is strategy
assert len(plain.layers[0].kernel.value.values) == 2
masked = sparse.layers[0].masked_kernels[0]
before = np.asarray(masked.mask.value)
with strategy.scope():
    sparse.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(32, 8)).astype("float32")
rigl = km.callbacks.RigL(update_freq=1, drop_fraction=0.5)
sparse.fit(x, x @ np.ones((8, 16)), 8, verbose=0, callbacks=[rigl])
replicas = [np.asarray(value) for value in masked.mask.value.values]
assert len(replicas) == 2
assert (replicas[0] == replicas[1]).all()
assert (replicas[0] != before).any()
assert replicas[0].sum() == before.sum()
print("DONE")
"""


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a TensorFlow strategy"
)
def test_conversion_outside_of_the_scope_stays_under_the_strategy():
    done = subprocess.run(
        [sys.executable, "-c", _OUTSIDE],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.endswith("DONE\n"), done.stderr[-3000:]


def test_models_without_a_strategy_need_no_scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert isinstance(strategy_scope(model), contextlib.nullcontext)
