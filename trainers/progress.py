"""Progress of one training: a bar on a terminal, a few lines in a log."""

from collections.abc import Mapping
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import TextColumn
from rich.progress import TimeRemainingColumn

_LINES_IN_A_LOG = 5


class ProgressDisplay(keras.callbacks.Callback):
    """Shows epochs, loss and accuracy while `fit` runs.

    A context manager around `fit`, so that the terminal is left as it was
    found when training fails.

    Args:
        label: What is trained, for example `"seed 0"`.
        epochs: Number of epochs.
        console: Where to print.
    """

    def __init__(self, label: str, epochs: int, console: Console) -> None:
        super().__init__()
        self.label = label
        self.epochs = epochs
        self.console = console
        self._every = max(1, epochs // _LINES_IN_A_LOG)
        self._bar = Progress(
            TextColumn(f"{label}  epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task(label, total=epochs, text="")

    def __enter__(self) -> "ProgressDisplay":
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.console.is_terminal:
            self._bar.stop()

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        text = describe(logs or {})
        if self.console.is_terminal:
            self._bar.update(self._task, completed=epoch + 1, text=text)
        elif (epoch + 1) % self._every == 0 or epoch + 1 == self.epochs:
            self.console.print(
                f"{self.label}  epoch {epoch + 1}/{self.epochs}  {text}",
                highlight=False,
                soft_wrap=True,
            )


def describe(logs: Mapping[str, Any]) -> str:
    """Returns the logs that are worth a glance, in one line."""
    shown = {
        "loss": "loss {:.3f}",
        "accuracy": "accuracy {:.3f}",
        "val_accuracy": "validation {:.3f}",
        "changed_connections": "moved {:,.0f}",
    }
    return "  ".join(
        text.format(logs[name]) for name, text in shown.items() if name in logs
    )
