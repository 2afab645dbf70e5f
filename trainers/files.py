"""Files that are whole or absent, however the process ends."""

import csv
import json
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

_PARTIAL = ".partial-"


def is_partial(path: pathlib.Path) -> bool:
    """Whether a file was left behind by a process that ended too early."""
    return path.name.startswith(_PARTIAL)


def write_whole(
    path: pathlib.Path, write: Callable[[pathlib.Path], None]
) -> None:
    """Writes a file under another name and renames it when it is complete.

    Args:
        path: Where the file shall be. A file that is there is replaced.
        write: Writes the file to the path it is given, which has the same
            suffix as `path` (Keras chooses the format by it).
    """
    partial = path.with_name(f"{_PARTIAL}{path.name}")
    write(partial)
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def write_json(path: pathlib.Path, content: Any) -> None:
    """Writes JSON that any reader takes: numbers that are not finite raise."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda partial: partial.write_text(text))


def write_csv(
    path: pathlib.Path,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    """Writes rows with a header; a row lacks what it does not know."""

    def write(partial: pathlib.Path) -> None:
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_whole(path, write)


def read_csv(path: pathlib.Path) -> list[dict[str, float]]:
    """Reads rows of numbers; empty cells are left out."""
    with path.open(newline="") as file:
        return [
            {name: _number(cell) for name, cell in row.items() if cell != ""}
            for row in csv.DictReader(file)
        ]


def _number(cell: str) -> float:
    value = float(cell)
    return int(cell) if value.is_integer() and cell.isdigit() else value
