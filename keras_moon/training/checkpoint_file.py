"""Files of a training checkpoint: whole and verified, or not there at all."""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_moon.api_export import keras_moon_export

_FORMAT = 1
_NAME = re.compile(r"epoch-(\d+)-batch-(\d+)\.npz")
_TEMPORARY_PREFIX = ".writing-"
_MANIFEST = "manifest.json"
_DIGEST = "sha256"


@keras_moon_export("training.CorruptCheckpointError")
class CorruptCheckpointError(ValueError):
    """A checkpoint file that is truncated or does not match its checksum.

    `fit` raises it if every checkpoint in the directory of a
    `km.callbacks.TrainingCheckpoint` is damaged; while one is whole, a
    warning names the others.

    Example:

    >>> import pathlib, tempfile, warnings
    >>> directory = pathlib.Path(tempfile.mkdtemp())
    >>> damaged = directory / "epoch-00001-batch-00000000.npz"
    >>> _ = damaged.write_bytes(b"not a checkpoint")
    >>> x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> checkpoint = km.callbacks.TrainingCheckpoint(directory)
    >>> try:
    ...     with warnings.catch_warnings(action="ignore"):
    ...         _ = model.fit(x, y, callbacks=[checkpoint], verbose=0)
    ... except km.training.CorruptCheckpointError:
    ...     print("train from the start, in another directory")
    train from the start, in another directory
    """


@dataclasses.dataclass
class Checkpoint:
    """One moment of a training run.

    Args:
        epoch: Index of the epoch to go on with.
        batch: Batches of that epoch that were already trained.
        finished_epochs: The `epochs` of the `fit` that ended here, or `None`
            if it had not ended.
        fingerprint: What a run must share to go on from here, as JSON.
        variables: Values per group (`"model"`, `"optimizer"`, `"metrics"`).
        callbacks: State per callback: arrays, numbers, strings.
    """

    epoch: int
    batch: int
    finished_epochs: int | None
    fingerprint: dict[str, Any]
    variables: dict[str, list[np.ndarray]]
    callbacks: dict[str, dict[str, Any]]

    @property
    def file_name(self) -> str:
        """Name of the file, in which later moments sort after earlier ones."""
        return f"epoch-{self.epoch:05d}-batch-{self.batch:08d}.npz"


def checkpoint_paths(directory: str | os.PathLike) -> list[pathlib.Path]:
    """Returns the checkpoints of a directory, the latest one last."""
    folder = pathlib.Path(directory)
    if not folder.is_dir():
        return []
    found = [
        (tuple(map(int, match.groups())), path)
        for path in folder.iterdir()
        if (match := _NAME.fullmatch(path.name))
    ]
    return [path for _, path in sorted(found)]


def write_checkpoint(
    directory: str | os.PathLike, checkpoint: Checkpoint, keep: int
) -> pathlib.Path:
    """Writes a checkpoint, then removes the oldest ones above `keep`.

    The file gets its name only when it is complete and on the disk. Whoever
    is killed here leaves a nameless rest, which the next call removes.

    Args:
        directory: Folder of the checkpoints of one run; made if missing.
        checkpoint: What to write.
        keep: Number of checkpoints to leave, at least 1.

    Returns:
        The path of the new file.
    """
    folder = pathlib.Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for rest in folder.glob(f"{_TEMPORARY_PREFIX}*"):
        rest.unlink()
    path = folder / checkpoint.file_name
    temporary = folder / f"{_TEMPORARY_PREFIX}{path.name}"
    members = _encode(checkpoint)
    members[_DIGEST] = np.frombuffer(_digest(members), np.uint8)
    with open(temporary, "wb") as file:
        np.savez(file, **members)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_folder(folder)
    for old in checkpoint_paths(folder)[:-keep]:
        old.unlink()
    return path


def read_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Reads and verifies one file.

    Args:
        path: The file.

    Returns:
        The checkpoint.

    Raises:
        CorruptCheckpointError: If the file is not what was written.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            members = {name: file[name] for name in file.files}
        digest = members.pop(_DIGEST).tobytes()
        if digest != _digest(members):
            raise CorruptCheckpointError("its SHA-256 does not match")
        return _decode(members)
    except (
        ValueError,
        KeyError,
        EOFError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise CorruptCheckpointError(
            f"The checkpoint {os.fspath(path)} is damaged: {error}."
        ) from error


def read_latest_checkpoint(
    directory: str | os.PathLike,
) -> tuple[pathlib.Path, Checkpoint] | None:
    """Reads the latest checkpoint of a directory that is undamaged.

    Args:
        directory: Folder of the checkpoints of one run.

    Returns:
        Its path and content, or `None` if the directory has none. A warning
        names each damaged one.

    Raises:
        CorruptCheckpointError: If there are checkpoints and all are damaged.
    """
    paths = checkpoint_paths(directory)
    for path in reversed(paths):
        try:
            return path, read_checkpoint(path)
        except CorruptCheckpointError as error:
            warnings.warn(f"{error} Trying the one before.", stacklevel=2)
    if paths:
        raise CorruptCheckpointError(
            f"All {len(paths)} checkpoints in {os.fspath(directory)} are "
            "damaged. Remove them to train from the start."
        )
    return None


def _encode(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Bytes by name. Raw, because npz knows neither bfloat16 nor float8."""
    members: dict[str, np.ndarray] = {}

    def put(name: str, array: Any) -> dict[str, Any]:
        array = np.asarray(array)
        if array.dtype.kind in "OUSMm" or array.dtype.names:
            raise TypeError(
                "A checkpoint holds arrays of numbers only. Received: "
                f"{name} of dtype {array.dtype}."
            )
        members[name] = np.frombuffer(array.tobytes(), np.uint8)
        return {
            "member": name,
            "dtype": array.dtype.name,
            "shape": list(array.shape),
        }

    manifest = {
        "format": _FORMAT,
        "epoch": checkpoint.epoch,
        "batch": checkpoint.batch,
        "finished_epochs": checkpoint.finished_epochs,
        "fingerprint": checkpoint.fingerprint,
        "variables": {
            group: [
                put(f"{group}/{index:05d}", value)
                for index, value in enumerate(values)
            ]
            for group, values in checkpoint.variables.items()
        },
        "callbacks": {
            key: {
                name: (
                    put(f"callbacks/{key}/{name}", value)
                    if isinstance(value, np.ndarray)
                    else {"value": _scalar(f"{key}.{name}", value)}
                )
                for name, value in state.items()
            }
            for key, state in checkpoint.callbacks.items()
        },
    }
    text = json.dumps(manifest).encode()
    return {_MANIFEST: np.frombuffer(text, np.uint8), **members}


def _decode(members: Mapping[str, np.ndarray]) -> Checkpoint:
    manifest = json.loads(members[_MANIFEST].tobytes())
    if manifest["format"] != _FORMAT:
        raise CorruptCheckpointError(
            f"expected format {_FORMAT}, found {manifest['format']}"
        )

    def get(entry: Mapping[str, Any]) -> Any:
        if "value" in entry:
            return entry["value"]
        data = members[entry["member"]]
        dtype = _dtype(entry["dtype"])
        return np.frombuffer(data.tobytes(), dtype).reshape(entry["shape"])

    return Checkpoint(
        epoch=manifest["epoch"],
        batch=manifest["batch"],
        finished_epochs=manifest["finished_epochs"],
        fingerprint=manifest["fingerprint"],
        variables={
            group: [get(entry) for entry in entries]
            for group, entries in manifest["variables"].items()
        },
        callbacks={
            key: {name: get(entry) for name, entry in state.items()}
            for key, state in manifest["callbacks"].items()
        },
    )


def _scalar(name: str, value: Any) -> bool | int | float | str | None:
    if isinstance(value, np.generic):
        value = value.item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(
            f"The state {name} of a callback cannot be saved: expected a "
            f"NumPy array, number or string. Received: {value!r} of type "
            f"{type(value).__name__}."
        )
    return value


def _dtype(name: str) -> np.dtype:
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes  # comes with Keras

        return np.dtype(getattr(ml_dtypes, name))


def _digest(members: Mapping[str, np.ndarray]) -> bytes:
    digest = hashlib.sha256()
    for part in _parts(members):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def _parts(members: Mapping[str, np.ndarray]) -> Iterator[bytes]:
    for name in sorted(members):
        yield name.encode()
        yield members[name].tobytes()


def _sync_folder(folder: pathlib.Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
