"""The directory of a run: who may write there, and what it holds.

    config.json   flags, versions, backend
    history.csv   one row per seed and epoch
    metrics.json  per seed, mean and standard deviation
    table.md      the table that the run printed
    plots/        figures as .png and .pdf
    seed_<n>/     model.keras, metrics.json, history.csv, scores.npz, and
                  while it is trained: checkpoint/

Imports nothing heavy, so that a wrong directory is answered at once.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import pathlib
import platform
import tempfile
from typing import Any

from flags import Config
from flags import FlagError
from trainers.files import is_partial
from trainers.files import write_json

# Flags that say where and how a run is started, not what it computes.
_FREE = {("run", "run_dir"), ("run", "resume")}
_PACKAGES = ("keras", "numpy", "tensorflow", "jax", "scikit-learn")


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """Paths of one run. Create it with `open_run_directory`.

    Attributes:
        path: The directory.
        trainer: Name of the program, for example `"digits"`.
        config: The configuration of the run.
    """

    path: pathlib.Path
    trainer: str
    config: Config

    @property
    def config_file(self) -> pathlib.Path:
        return self.path / "config.json"

    @property
    def plots(self) -> pathlib.Path:
        return self.path / "plots"

    def seed(self, seed: int) -> pathlib.Path:
        """Returns the directory of one seed."""
        return self.path / f"seed_{seed}"

    def metrics_file(self, seed: int) -> pathlib.Path:
        """Returns the file that is written when a seed is finished."""
        return self.seed(seed) / "metrics.json"

    def is_finished(self, seed: int) -> bool:
        """Whether a seed was trained and judged."""
        return self.metrics_file(seed).exists()

    def record(self, backend: str, library_version: str) -> None:
        """Writes config.json, or checks the one of the run to continue.

        Args:
            backend: Name of the Keras backend.
            library_version: Version of keras_moon.

        Raises:
            FlagError: If the run was started with another backend.
        """
        content = {
            "trainer": self.trainer,
            "backend": backend,
            "flags": self.config.as_dict(),
            "versions": {"keras_moon": library_version, **_versions()},
        }
        if not self.config_file.exists():
            write_json(self.config_file, content)
            return
        recorded = _read(self.config_file)
        if recorded["backend"] != backend:
            raise FlagError(
                f"The run in {self.path} was started with KERAS_BACKEND="
                f"{recorded['backend']} and must be continued with it. "
                f"Received: KERAS_BACKEND={backend}."
            )
        changed = [
            f"{name} {recorded['versions'].get(name)} -> {version}"
            for name, version in content["versions"].items()
            if recorded["versions"].get(name) != version
        ]
        if changed:
            print(
                "note: the run was started with other versions, the result "
                f"may differ from an uninterrupted run: {', '.join(changed)}"
            )


def open_run_directory(config: Config, trainer: str) -> RunDirectory:
    """Creates the directory of a new run, or finds the one to continue.

    Nothing that is there already is written to.

    Args:
        config: The configuration; `config.run` says where.
        trainer: Name of the program.

    Returns:
        A `RunDirectory` that can be written to.

    Raises:
        FlagError: If the directory holds something else, holds a run and
            `resume` is off, holds a run with other flags, or cannot be
            written to.
    """
    path = pathlib.Path(config.run.run_dir or _new_path(config, trainer))
    run = RunDirectory(path, trainer, config)
    try:
        occupied = path.exists() and not all(
            is_partial(file) for file in path.iterdir()
        )
        if occupied and not run.config_file.is_file():
            raise FlagError(
                "--run_dir must be new, empty, or the directory of a run "
                f"(with config.json). Received: --run_dir={path}."
            )
        if occupied and not config.run.resume:
            raise FlagError(
                f"--run_dir={path} holds a run already. Pass --resume to "
                "continue it, or another directory."
            )
        if occupied:
            _check_same_run(run)
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise FlagError(
            "--run_dir must be a directory that can be written to. "
            f"Received: --run_dir={path} ({error.strerror})."
        ) from None
    return run


def _new_path(config: Config, trainer: str) -> pathlib.Path:
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    sparsity = config.sparsity
    name = sparsity.method
    if name != "dense":
        name += f"-{sparsity.distribution}-{sparsity.sparsity:g}"
    return pathlib.Path("runs") / trainer / f"{time}-{name}"


def _check_same_run(run: RunDirectory) -> None:
    recorded = _read(run.config_file)
    if recorded["trainer"] != run.trainer:
        raise FlagError(
            f"--run_dir={run.path} holds a run of trainers."
            f"{recorded['trainer']}. Received: trainers.{run.trainer}."
        )
    old, new = _flat(recorded["flags"]), _flat(run.config.as_dict())
    changed = [
        f"--{name}={new.get((concern, name))} (started with "
        f"{old.get((concern, name))})"
        for concern, name in sorted(old.keys() | new.keys())
        if old.get((concern, name)) != new.get((concern, name))
    ]
    if changed:
        raise FlagError(
            f"--resume continues the run in {run.path} with the flags it was "
            f"started with. Received: {', '.join(changed)}."
        )


def _flat(flags: dict[str, dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {
        (concern, name): value
        for concern, values in flags.items()
        for name, value in values.items()
        if (concern, name) not in _FREE
    }


def _read(config_file: pathlib.Path) -> dict[str, Any]:
    expected = {"trainer", "backend", "flags", "versions"}
    try:
        content = json.loads(config_file.read_text())
        complete = expected <= content.keys()
    except (ValueError, AttributeError):
        complete = False
    if not complete:
        raise FlagError(f"{config_file} is not the config.json of a run.")
    return content


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # One backend is enough.
    return versions
