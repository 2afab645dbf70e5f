"""The program from end to end, and killed in between."""

import csv
import json
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import keras_moon as km
from flags import DataConfig
from flags import FlagError
from tests.trainers.tiny import FLAGS
from tests.trainers.tiny import tiny_config
from trainers import digits

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIGURES = {
    "training_curves",
    "reliability",
    "ood_scores",
    "layer_density",
    "mask_changes",
}


def command(run_dir, *arguments):
    return [
        *(sys.executable, "-m", "trainers.digits", *FLAGS),
        *(f"--run_dir={run_dir}", *arguments),
    ]


def metrics_of(run_dir):
    return json.loads((run_dir / "metrics.json").read_text())


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.015])
def test_the_size_of_the_data_is_known_before_it_is_loaded(fraction):
    data = km.data.load_digits(
        validation_fraction=fraction, test_fraction=digits.TEST_FRACTION
    )
    config = DataConfig(validation_fraction=fraction)
    assert digits.num_training_images(config) == len(data.train)


@pytest.mark.parametrize("fraction", [0.005, 0.8])
def test_a_split_without_images_is_refused(fraction):
    with pytest.raises(FlagError, match="at least 10 images"):
        digits.num_training_images(DataConfig(validation_fraction=fraction))


def test_a_wrong_batch_leaves_no_directory(tmp_path):
    with pytest.raises(FlagError, match="1167 samples"):
        digits.main(tiny_config(tmp_path / "run", "--batch_size=1168"))
    assert list(tmp_path.iterdir()) == []


def test_the_main_job(tmp_path, capsys):
    run_dir = tmp_path / "run"
    done = subprocess.run(
        command(run_dir, "--num_seeds=2", "--sparsity=0.8"),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for shown in (
        f"run directory: {run_dir}",
        "seed 1  epoch 2/2  loss",
        "digits, rigl, sparsity 0.8 erk",
        "Accuracy (%) ↑",
        "letters: AUROC (%) ↑",
        "gaussian noise: FPR95 (%) ↓",
        "detect the unknown samples (OpenOOD v1.5)",
    ):
        assert shown in done.stdout
    assert done.stdout.count("┏") == 1

    figures = {path.name for path in (run_dir / "plots").iterdir()}
    assert figures == {f + end for f in FIGURES for end in (".png", ".pdf")}
    with (run_dir / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["epoch"]) for row in rows] == [
        (seed, epoch) for seed in "01" for epoch in "12"
    ]
    metrics = metrics_of(run_dir)
    first, second = metrics["seeds"]
    accuracy = metrics["summary"]["accuracy"]
    assert accuracy["mean"] == pytest.approx(
        (first["accuracy"] + second["accuracy"]) / 2
    )
    assert accuracy["std"] == pytest.approx(
        abs(first["accuracy"] - second["accuracy"]) / 2**0.5
    )
    assert first["nonzeros"] == second["nonzeros"]
    assert int(rows[0]["changed_connections"]) > 0
    assert not (run_dir / "seed_0" / "checkpoint").exists()

    # Asked to go on, a finished run trains nothing and says the same again.
    digits.main(
        tiny_config(run_dir, "--num_seeds=2", "--sparsity=0.8", "--resume")
    )
    again = capsys.readouterr().out
    assert "seed 0  is finished" in again
    assert "seed 1  is finished" in again
    assert metrics_of(run_dir) == metrics
    for line in again.partition("┏")[2].splitlines():
        assert line in done.stdout

    # The model on disk is the one that was judged.
    model = keras.saving.load_model(run_dir / "seed_0" / "model.keras")
    data = km.data.load_digits(test_fraction=digits.TEST_FRACTION)
    logits = model.predict(data.test.x, batch_size=450, verbose=0)
    hits = np.mean(np.argmax(logits, axis=-1) == data.test.y)
    assert hits == first["accuracy"]
    density = km.summary(model, print_fn=None).density
    assert density == first["density"] == pytest.approx(0.2, abs=0.002)


@pytest.mark.parametrize("method", ["dense", "static", "set"])
def test_other_methods(tmp_path, capsys, method):
    digits.main(tiny_config(tmp_path, f"--method={method}"))
    assert f"digits, {method}" in capsys.readouterr().out
    (entry,) = metrics_of(tmp_path)["seeds"]
    figures = {path.stem for path in (tmp_path / "plots").iterdir()}
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    if method == "dense":
        assert entry["density"] == 1.0
        assert entry["flops"] == entry["dense_flops"]
        assert entry["training_flops_fraction"] == 1.0
        assert figures == FIGURES - {"mask_changes"}
        assert "density" not in rows[0]
        return
    assert entry["density"] == pytest.approx(0.1, abs=0.01)
    assert entry["flops"] < entry["dense_flops"]
    assert entry["training_flops_fraction"] == pytest.approx(
        entry["flops"] / entry["dense_flops"]
    )
    assert figures == FIGURES
    moved = sum(int(row["changed_connections"]) for row in rows)
    assert (moved > 0) == (method == "set")


def kill_within_an_epoch(run_dir, *arguments):
    """Starts the program and kills it when it has a checkpoint of seed 1."""
    process = subprocess.Popen(
        command(run_dir, *arguments),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 240
        while process.poll() is None and time.monotonic() < deadline:
            saved = (run_dir / "seed_1").glob("checkpoint/epoch-*-batch-*.npz")
            if any(not path.stem.endswith("-00000000") for path in saved):
                break
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def contents(run_dir):
    """What must be equal to the last bit, by name."""
    found = {}
    for name in ("history.csv", "metrics.json"):
        found[name] = (run_dir / name).read_bytes()
    for seed in ("seed_0", "seed_1"):
        with np.load(run_dir / seed / "scores.npz") as file:
            for name, array in file.items():
                found[f"{seed}/{name}"] = array.tobytes()
        # Loading gives names that count up, unless it starts afresh.
        keras.utils.clear_session()
        model = keras.saving.load_model(run_dir / seed / "model.keras")
        for variable in [*model.variables, *model.optimizer.variables]:
            array = keras.ops.convert_to_numpy(variable.value)
            found[f"{seed}/{variable.path}"] = array.tobytes()
    return found


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path):
    arguments = ("--num_seeds=2", "--epochs=12", "--save_every_steps=2")
    kill_within_an_epoch(tmp_path / "killed", *arguments)
    assert (tmp_path / "killed" / "seed_0" / "metrics.json").exists()
    assert not (tmp_path / "killed" / "seed_1" / "metrics.json").exists()
    for run_dir in ("killed", "whole"):
        done = subprocess.run(
            command(tmp_path / run_dir, *arguments, "--resume"),
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    resumed = contents(tmp_path / "killed")
    whole = contents(tmp_path / "whole")
    assert resumed.keys() == whole.keys()
    assert [n for n in whole if resumed[n] != whole[n]] == []


@pytest.mark.slow
def test_the_headline_at_90_percent_sparsity(tmp_path):
    """What README promises, with the default seeds and epochs."""
    run_dir = tmp_path / "run"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "trainers.digits"),
            *("--sparsity=0.9", f"--run_dir={run_dir}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    metrics = metrics_of(run_dir)
    assert [entry["seed"] for entry in metrics["seeds"]] == [0, 1, 2]
    for entry in metrics["seeds"]:
        assert entry["density"] == pytest.approx(0.1, abs=1e-3)
    assert metrics["summary"]["accuracy"]["mean"] > 0.95
