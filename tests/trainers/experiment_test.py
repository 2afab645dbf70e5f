"""Seeds are trained once each, judged, and written down."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from tests.trainers.tiny import tiny_config
from trainers.experiment import Task
from trainers.experiment import run_experiment
from trainers.run_directory import open_run_directory


@dataclasses.dataclass(frozen=True)
class _Data:
    x: np.ndarray
    y: np.ndarray
    group: str = "far"

    def __len__(self):
        return len(self.x)


def _data(seed, size=778):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 6)).astype("float32")
    return _data_of(x)


def _data_of(x):
    return _Data(x, np.argmax(x[:, :3], axis=1))


def _network(seed):
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16, activation="relu", name="hidden"),
            keras.layers.Dense(3, name="logits"),
        ]
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two seeds, and how often a network was built for it."""
    built = []

    def build_model(seed):
        built.append(seed)
        return _network(seed)

    directory = tmp_path_factory.mktemp("runs") / "run"
    config = tiny_config(directory, "--num_seeds=2", "--sparsity=0.5")
    task = Task(
        train=_data(0),
        validation=_data(1, 50),
        test=_data(2, 389),
        ood_sets={"far away": _data_of(_data(3, 61).x + 9.0)},
        build_model=build_model,
    )
    run = open_run_directory(config, "digits")
    run_experiment(task, config, run)
    return task, config, run, built


def _metrics(run, seed):
    return json.loads(run.metrics_file(seed).read_text())


def test_every_seed_has_its_files_and_no_checkpoint_is_left(finished):
    _, _, run, _ = finished
    for seed in (0, 1):
        names = {path.name for path in run.seed(seed).iterdir()}
        assert names == {
            "metrics.json",
            "model.keras",
            "history.csv",
            "scores.npz",
        }
        assert _metrics(run, seed)["seed"] == seed
    assert (run.path / "metrics.json").is_file()
    assert (run.path / "table.md").is_file()


def test_seeds_differ(finished):
    _, _, run, _ = finished
    assert _metrics(run, 0) != _metrics(run, 1)


def test_finished_seeds_are_not_trained_again(finished, capsys):
    task, config, run, built = finished
    before = list(built)
    run_experiment(task, config, run)
    assert built == before
    assert "seed 0  is finished" in capsys.readouterr().out


def test_a_lost_seed_comes_back_equal(finished):
    task, config, run, _ = finished
    expected = _metrics(run, 1)
    shutil.rmtree(run.seed(1))
    run_experiment(task, config, run)
    assert _metrics(run, 1) == expected
