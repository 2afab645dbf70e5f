import os
import pathlib
import subprocess
import sys

import keras
import numpy as np

from keras_moon.training.replica_values import read_replicas
from keras_moon.training.replica_values import write_replicas
from tests.training.distribution_test import ON_TENSORFLOW

ROOT = pathlib.Path(__file__).parents[2]

# Printed: what each case found, compared by the tests below.
_SCRIPT = """
import contextlib
import sys
from tests.training.distributed_run import start_devices

strategy = start_devices("mirrored")
import keras
import numpy as np
from keras_moon.training import checkpoint
from keras_moon.training.replica_values import read_replicas
from keras_moon.training.replica_values import write_replicas


def variable(aggregation, synchronization):
    with strategy.scope():
        return keras.Variable(
            np.zeros(2, "float32"),
            trainable=False,
            aggregation=aggregation,
            synchronization=synchronization,
        )


def values(variable):
    return keras.ops.convert_to_numpy(variable).tolist()


def compiled():
    with strategy.scope():
        model = keras.Sequential(
            [keras.layers.BatchNormalization(), keras.layers.Dense(2)]
        )
        model.compile("adam", "mse", metrics=["mae"])
    return model


own = np.array([[1, 2], [30, 40]], "float32")
for scope in (contextlib.nullcontext, strategy.scope):
    with scope():
        total = variable("sum", "on_read")
        write_replicas(total, own)
        assert read_replicas(total).tolist() == own.tolist()
        assert values(total) == [31, 42]
        write_replicas(total, np.concatenate([own, own]))  # of 4 devices
        assert values(total) == [62, 84]
        write_replicas(total, np.array([5, 7], "float32"))  # of one
        assert values(total) == [5, 7]
        mean = variable("mean", "on_read")
        write_replicas(mean, np.concatenate([own, own]))
        assert values(mean) == [15.5, 21]
        mirrored = variable("none", "auto")
        write_replicas(mirrored, own[0])
        assert read_replicas(mirrored).tolist() == [1, 2]

        x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
        first = compiled()
        first.fit(x, y, batch_size=4, verbose=0)
        groups = ("model", "optimizer", "metrics")
        fingerprint = checkpoint.fingerprint_of(first, groups, None, None)
        saved = checkpoint.capture(first, 1, 0, fingerprint)
        second = compiled()
        checkpoint.build_for_restoring(second, (x, y), fingerprint)
        assert fingerprint == checkpoint.fingerprint_of(
            second, groups, None, None
        )
        for v in second.metrics_variables:
            assert not read_replicas(v).any(), v.path
        checkpoint.restore_variables(second, saved, groups)
        for group, variables in checkpoint.run_variables(second).items():
            for value, v in zip(saved.variables[group], variables, strict=True):
                assert read_replicas(v).tolist() == value.tolist(), v.path
print("ALL EQUAL")
"""


@ON_TENSORFLOW
def test_two_devices():
    """In a process of its own: devices are configured at start-up."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert "ALL EQUAL" in done.stdout, done.stderr[-3000:]


@ON_TENSORFLOW
def test_a_strategy_of_one_device():
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        metric = keras.metrics.Mean()
    for variable, value in zip(metric.variables, [3.0, 2.0], strict=True):
        variable.assign(value)
        saved = read_replicas(variable)
        variable.assign(0.0)
        write_replicas(variable, saved)
        assert keras.ops.convert_to_numpy(variable) == value


def test_one_device():
    variable = keras.Variable(np.zeros((2, 3)), aggregation="sum")
    value = np.arange(6, dtype="float32").reshape(2, 3)
    write_replicas(variable, value)
    np.testing.assert_array_equal(read_replicas(variable), value)


def test_values_of_several_devices_on_one():
    value = np.array([[1, 2], [3, 6]], "float32")
    for aggregation, expected in (("sum", [4, 8]), ("mean", [2, 4])):
        variable = keras.Variable(np.zeros(2), aggregation=aggregation)
        write_replicas(variable, value)
        assert read_replicas(variable).tolist() == expected


def test_later_changes_of_the_array_stay_outside():
    variable = keras.Variable(np.zeros(2))
    value = np.ones(2, "float32")
    write_replicas(variable, value)
    value[:] = 5
    assert read_replicas(variable).tolist() == [1, 1]
