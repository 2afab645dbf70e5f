"""Loss and metrics over the epochs, one line per run and their mean."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_moon.api_export import keras_moon_export
from keras_moon.report import figure as look

History = Sequence[Mapping[str, float]]


def columns_of(histories: Sequence[History], name: str) -> list[Any]:
    """Returns one array (epochs, 2) of (epoch, value) per run that has it."""
    columns = [
        np.array([(row["epoch"], row[name]) for row in history if name in row])
        for history in histories
    ]
    return [column for column in columns if column.size]


def draw_runs(
    panel: Any, columns: Sequence[Any], color: str, label: str
) -> None:
    """Draws each run thinly and, over several runs, their mean."""
    several = len(columns) > 1
    for column in columns:
        panel.plot(
            *column.T,
            color=color,
            linewidth=0.6 if several else 1.4,
            alpha=0.45 if several else 1.0,
            label=None if several else label,
            marker="o" if len(column) == 1 else None,
            markersize=3,
        )
    if several:
        epochs = sorted(set.intersection(*(set(c[:, 0]) for c in columns)))
        means = [
            np.mean([c[c[:, 0] == epoch, 1].mean() for c in columns])
            for epoch in epochs
        ]
        panel.plot(
            epochs,
            means,
            color=color,
            linewidth=1.4,
            label=f"{label} (mean of {len(columns)})",
            marker="o" if len(epochs) == 1 else None,
            markersize=3,
        )


def whole_epochs(panel: Any) -> None:
    """Puts ticks on whole epochs only."""
    from matplotlib.ticker import MaxNLocator

    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


@keras_moon_export("report.training_curves")
def training_curves(
    histories: Sequence[History],
    metrics: Mapping[str, str] | None = None,
    title: str = "Training curves",
) -> Any:
    """Draws training and validation curves, one panel per metric.

    Args:
        histories: One history per run (seed); each a sequence of rows, one
            per epoch, with `"epoch"` and the columns of Keras's logs. A
            column that is missing everywhere is not drawn.
        metrics: Axis label with unit by column name, the name without `val_`.
            Defaults to `{"loss": "Loss (nats)", "accuracy": "Accuracy"}`.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no history, or none has one of the metrics.

    Example:

    >>> history = [
    ...     {"epoch": 1, "loss": 2.3, "val_loss": 2.2},
    ...     {"epoch": 2, "loss": 1.9, "val_loss": 1.8},
    ... ]
    >>> figure = km.report.training_curves([history], {"loss": "Loss (nats)"})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['Loss (nats)']
    """
    metrics = metrics or {"loss": "Loss (nats)", "accuracy": "Accuracy"}
    if not histories:
        raise ValueError("`histories` must hold at least one. Received: none.")
    figure, axes = look.new_figure(1, len(metrics))
    for panel, (name, label) in zip(axes[0], metrics.items(), strict=True):
        training = columns_of(histories, name)
        if not training:
            known = sorted(
                {key for run in histories for row in run for key in row}
            )
            raise ValueError(
                f"No history has the column {name!r}. Received: "
                f"{sorted(known)}."
            )
        draw_runs(panel, training, look.BLUE, "training")
        validation = columns_of(histories, f"val_{name}")
        if validation:
            draw_runs(panel, validation, look.ORANGE, "validation")
        look.label_panel(panel, "Epoch", label)
        whole_epochs(panel)
        look.add_legend(panel)
    look.title_figure(figure, title)
    return figure
