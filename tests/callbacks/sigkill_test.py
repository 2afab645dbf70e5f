"""TrainingCheckpoint against a real SIGKILL, in processes of their own."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]


def launch(folder, name, *arguments):
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KERAS_BACKEND": keras.backend.backend(),
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.callbacks.killed_run"]
        + ["--directory", str(folder / name)]
        + ["--result", str(folder / f"{name}.npz"), *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


SMALL = [
    ("--method=rigl", "--kill 1 6"),
    (
        "--method=set --first --optimizer=sgd --steps_per_execution=4",
        "--kill 1 7",
    ),
]
MORE = [
    ("", "--kill 0 9"),
    ("--method=rigl --first", "--kill 1 5"),
    ("--method=set --first --optimizer=sgd", "--kill 2 1"),
    ("--method=rigl --steps_per_execution=4 --first", "--kill 1 7"),
    ("--optimizer=sgd --loss_scale", "--kill 1 9"),
]


@pytest.mark.parametrize(
    "arguments, kill",
    SMALL + [pytest.param(*case, marks=pytest.mark.slow) for case in MORE],
)
def test_sigkill_in_mid_epoch(tmp_path, arguments, kill):
    """Weights, masks, taps, slots, seeds, metrics, R_s: every bit is equal."""
    arguments = arguments.split()
    whole = launch(tmp_path, "whole", *arguments)
    assert whole.returncode == 0, whole.stderr
    killed = launch(tmp_path, "killed", *arguments, *kill.split())
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "killed.npz").exists()
    resumed = launch(tmp_path, "killed", *arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "TrainingCheckpoint: going on with epoch" in resumed.stdout
    one = np.load(tmp_path / "whole.npz")
    other = np.load(tmp_path / "killed.npz")
    assert one.files == other.files
    different = [
        name
        for name in one.files
        if one[name].tobytes() != other[name].tobytes()
    ]
    assert different == []
    history = json.loads((tmp_path / "whole.npz.json").read_text())
    again = json.loads((tmp_path / "killed.npz.json").read_text())
    assert again["epoch"][0] == int(kill.split()[1])  # the epoch it died in
    for name, values in again.items():
        assert values == history[name][-len(values) :]
