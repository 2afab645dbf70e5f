"""Results over several seeds: means and standard deviations in one table."""

import statistics
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from keras_moon.api_export import keras_moon_export

_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


class MeanStd(NamedTuple):
    """A mean and its spread.

    Attributes:
        mean: Arithmetic mean.
        std: Sample standard deviation (n - 1), `None` for a single value.
    """

    mean: float
    std: float | None


@keras_moon_export("report.mean_std")
def mean_std(values: Sequence[float]) -> MeanStd:
    """Returns the mean and the sample standard deviation (n - 1) of values.

    Args:
        values: One value per seed, at least one.

    Returns:
        `MeanStd(mean, std)`; `std` is `None` for a single value.

    Raises:
        ValueError: If there is no value.

    Example:

    >>> km.report.mean_std([0.5, 1.5])
    MeanStd(mean=1.0, std=0.7071...)
    >>> km.report.mean_std([0.5])
    MeanStd(mean=0.5, std=None)
    """
    values = [float(value) for value in values]
    if not values:
        raise ValueError("`values` must hold at least one. Received: none.")
    std = statistics.stdev(values) if len(values) > 1 else None
    return MeanStd(statistics.fmean(values), std)


class _Row(NamedTuple):
    section: str
    label: str
    result: str


@keras_moon_export("report.ResultTable")
class ResultTable:
    """A table of results in sections, for the terminal and as Markdown.

    Args:
        title: Title of the table.
        notes: Lines under the table: conventions, where files are.

    Example:

    >>> table = km.report.ResultTable("digits", notes=["3 seeds."])
    >>> table.add("Test set", "Accuracy (%)", [96.0, 97.0, 98.0], ".2f",
    ...           better="higher")
    >>> table.add("Size", "Nonzeros", [5000, 5000, 5000], ",.0f")
    >>> print(table.to_markdown())
    **digits**
    <BLANKLINE>
    | | Metric | Result |
    |---|---|---|
    | Test set | Accuracy (%) ↑ | 97.00 ± 1.00 |
    | Size | Nonzeros | 5,000 |
    <BLANKLINE>
    3 seeds.
    """

    def __init__(self, title: str, notes: Sequence[str] = ()) -> None:
        self.title = title
        self.notes = list(notes)
        self._rows: list[_Row] = []

    def add(
        self,
        section: str,
        label: str,
        values: Sequence[float],
        format_spec: str = ".4f",
        better: str = "",
    ) -> None:
        """Adds a row with the mean and standard deviation of the values.

        Values that are equal for all seeds are shown once.

        Args:
            section: Group of rows; a line is drawn where it changes.
            label: Name of the metric, with its unit.
            values: One value per seed.
            format_spec: Python format of the numbers. Defaults to `".4f"`.
            better: `"higher"`, `"lower"`, or `""` (the default) where neither
                is; shown as an arrow.

        Raises:
            ValueError: If `better` is none of these, or there is no value.
        """
        if better not in _ARROWS:
            raise ValueError(
                f"`better` must be one of {list(_ARROWS)}. "
                f"Received: better={better!r} for {label!r}."
            )
        mean, std = mean_std(values)
        result = format(mean, format_spec)
        if std is not None and len(set(values)) > 1:
            result += f" ± {format(std, format_spec)}"
        self._rows.append(_Row(section, label + _ARROWS[better], result))

    def to_markdown(self) -> str:
        """Returns the table as Markdown."""
        lines = [
            f"**{self.title}**",
            "",
            "| | Metric | Result |",
            "|---|---|---|",
        ]
        shown = ""
        for section, label, result in self._rows:
            name = section if section != shown else ""
            shown = section
            lines.append(f"| {name} | {label} | {result} |")
        return "\n".join([*lines, "", "  \n".join(self.notes)]).rstrip()

    def print(self, console: Any = None) -> None:
        """Prints the table.

        Args:
            console: A `rich.console.Console`. Defaults to a new one on
                standard output.
        """
        from rich.console import Console
        from rich.table import Table

        console = console or Console()
        table = Table(title=self.title, title_justify="left")
        table.add_column("")
        table.add_column("Metric")
        table.add_column("Result", justify="right")
        for index, (section, label, result) in enumerate(self._rows):
            follows = index and self._rows[index - 1].section == section
            if index and not follows:
                table.add_section()
            table.add_row("" if follows else section, label, result)
        console.print(table)
        for note in self.notes:
            console.print(note, soft_wrap=True, highlight=False)
