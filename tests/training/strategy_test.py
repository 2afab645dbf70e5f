"""Strategies that cannot work are refused at once."""

import os
import subprocess
import sys

import keras
import pytest

from keras_moon.training.strategy import refuse_multi_worker

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
