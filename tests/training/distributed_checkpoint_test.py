"""Runs on several devices and processes go on after a SIGKILL."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np

from tests.training.distribution_test import ON_JAX
from tests.training.distribution_test import ON_TENSORFLOW
from tests.training.distribution_test import free_address

ROOT = pathlib.Path(__file__).parents[2]
TIMEOUT = 150
# Of 8 batches an epoch, with a checkpoint every 3.
KILL_STEP, KILLED_EPOCH = 13, 1


def start(kind, directory, result, kill, *arguments):
    environment = {
        **os.environ,
        "KERAS_BACKEND": keras.backend.backend(),
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    module = "tests.training.distributed_checkpoint_run"
    return subprocess.Popen(
        [sys.executable, "-m", module, kind, str(directory), str(result)]
        + [str(kill), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(kind, folder, name, kill=0, num_processes=1):
    """Runs all processes to their end; returns their results and texts."""
    results = [folder / f"{name}_{i}.npz" for i in range(num_processes)]
    address = free_address()
    processes = [
        start(
            kind,
            folder / name,
            result,
            kill,
            *([str(i), str(num_processes), address]),
        )
        for i, result in enumerate(results)
    ]
    try:
        texts = [p.communicate(timeout=TIMEOUT)[0] for p in processes]
    finally:
        for process in processes:
            process.kill()
    codes = [process.returncode for process in processes]
    if kill:  # whoever is killed first may take the others down
        assert -signal.SIGKILL in codes and 0 not in codes, texts
    else:
        assert not any(codes), [text[-3000:] for text in texts]
    return results, texts


def read(result):
    history = json.loads(pathlib.Path(f"{result}.json").read_text())
    return dict(np.load(result)), history


def assert_goes_on(kind, folder, num_processes=1):
    whole, _ = run(kind, folder, "whole", 0, num_processes)
    killed, _ = run(kind, folder, "killed", KILL_STEP, num_processes)
    assert not any(result.exists() for result in killed)
    resumed, texts = run(kind, folder, "killed", 0, num_processes)
    # The process that writes is the one that speaks.
    assert "going on with epoch 2 of 3 after 4 of 8 batches" in texts[0]
    assert not any("TrainingCheckpoint:" in text for text in texts[1:])
    for result, other in zip(resumed, whole, strict=True):
        arrays, history = read(result)
        expected, whole_history = read(other)
        assert arrays.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(arrays[name], value, err_msg=name)
        assert history["epoch"] == [1, 2]
        for name, values in history.items():
            assert values == whole_history[name][KILLED_EPOCH:], name
    return [read(result)[0] for result in resumed]


@ON_TENSORFLOW
def test_mirrored_strategy(tmp_path):
    """Also the sums of metrics, which each device has of its own."""
    (arrays,) = assert_goes_on("mirrored", tmp_path)
    counts = [v for name, v in arrays.items() if name.endswith("loss/count")]
    assert [count.tolist() for count in counts] == [[32.0, 32.0]]


@ON_JAX
def test_jax_processes(tmp_path):
    first, second = assert_goes_on("jax_processes", tmp_path, 2)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
