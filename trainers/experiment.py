"""Every seed of a run: trained, judged, written down; then the report."""

import dataclasses
import shutil
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from rich.console import Console

import keras_moon as km
from flags import Config
from trainers.evaluation import evaluate
from trainers.files import write_json
from trainers.files import write_whole
from trainers.history_file import HistoryFile
from trainers.methods import make_sparse
from trainers.methods import method_callbacks
from trainers.progress import ProgressDisplay
from trainers.run_directory import RunDirectory
from trainers.run_report import write_report
from trainers.size import size_metrics
from trainers.training import compile_classifier
from trainers.training import train


@dataclasses.dataclass(frozen=True)
class Task:
    """What is learned: data and a network.

    Attributes:
        train: Training data with `.x` and `.y` (class indices).
        validation: Data to watch the training.
        test: Data to report.
        ood_sets: OOD sets with `.x` and `.group` by name.
        build_model: Returns an uncompiled dense network for a seed.
    """

    train: Any
    validation: Any
    test: Any
    ood_sets: Mapping[str, Any]
    build_model: Callable[[int], keras.Model]


def run_experiment(task: Task, config: Config, run: RunDirectory) -> None:
    """Trains every seed that is not finished, and reports over all of them.

    Args:
        task: Data and network.
        config: The configuration.
        run: Where everything is written.
    """
    console = Console()
    run.record(keras.backend.backend(), km.__version__)
    console.print(
        f"run directory: {run.path}  (if interrupted, the same flags with "
        f"--run_dir={run.path} --resume go on)",
        highlight=False,
        soft_wrap=True,
    )
    for seed in config.run.seeds:
        if run.is_finished(seed):
            console.print(f"seed {seed}  is finished", highlight=False)
        else:
            _run_seed(task, config, run, seed, console)
    write_report(run, console)


def _run_seed(
    task: Task, config: Config, run: RunDirectory, seed: int, console: Console
) -> None:
    directory = run.seed(seed)
    directory.mkdir(exist_ok=True)
    # Names count up within a process and go into the files of a seed; Keras's
    # global generator moves on. A seed must not notice whether others were
    # trained before it.
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = make_sparse(task.build_model(seed), config.sparsity, seed)
    batches = km.data.EpochBatches(
        task.train.x,
        task.train.y,
        batch_size=config.training.batch_size,
        seed=seed,
    )
    compile_classifier(model, config, len(batches) * config.training.epochs)
    epochs = config.training.epochs
    with ProgressDisplay(f"seed {seed}", epochs, console) as display:
        train(
            model,
            batches,
            task.validation,
            config,
            directory / "checkpoint",
            [
                *method_callbacks(config.sparsity, seed),
                HistoryFile(directory / "history.csv"),
                display,
            ],
        )
    evaluation = evaluate(
        model,
        task.test,
        task.ood_sets,
        config.evaluation,
        config.training.batch_size,
    )
    write_whole(directory / "model.keras", model.save)
    write_whole(
        directory / "scores.npz",
        lambda path: np.savez_compressed(path, **evaluation.arrays),
    )
    # Last of all: a seed with this file is finished.
    write_json(
        run.metrics_file(seed),
        {
            "seed": seed,
            **evaluation.metrics,
            **size_metrics(model, config.sparsity),
        },
    )
    shutil.rmtree(directory / "checkpoint")
