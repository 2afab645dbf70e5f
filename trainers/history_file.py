"""The history of a run as a file that survives the process."""

import pathlib
from collections.abc import Mapping
from typing import Any

import keras

from trainers.files import read_csv
from trainers.files import write_csv


class HistoryFile(keras.callbacks.Callback):
    """Writes the logs of every epoch to a CSV file.

    Keras's `CSVLogger` appends: an epoch that is trained again, because the
    process died between its end and the next checkpoint, would stand there
    twice. This one replaces it. Epochs are counted from 1.

    Args:
        path: The file. Rows of earlier epochs that it has are kept.
    """

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__()
        self.path = path
        self._rows: list[dict[str, float]] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._rows = read_csv(self.path) if self.path.exists() else []

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        row = {name: _plain(value) for name, value in (logs or {}).items()}
        kept = [row for row in self._rows if row["epoch"] <= epoch]
        self._rows = [*kept, {"epoch": epoch + 1, **row}]
        columns = {name: None for row in self._rows for name in row}
        write_csv(self.path, list(columns), self._rows)


def _plain(value: Any) -> float:
    return value if isinstance(value, int) else float(value)
