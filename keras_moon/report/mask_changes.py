"""How the connections of a sparse network moved during training."""

from collections.abc import Sequence
from typing import Any

from keras_moon.api_export import keras_moon_export
from keras_moon.report import figure as look
from keras_moon.report.training_curves import History
from keras_moon.report.training_curves import columns_of
from keras_moon.report.training_curves import draw_runs
from keras_moon.report.training_curves import whole_epochs

_COLUMNS = ("changed_connections", "explored_fraction", "density")


@keras_moon_export("report.mask_changes")
def mask_changes(
    histories: Sequence[History], title: str = "Mask changes"
) -> Any:
    """Draws changed connections per epoch and the explored fraction.

    The explored fraction R_s is the fraction of weights that were active at
    least once: Liu et al., "Do We Actually Need Dense Over-Parameterization?"
    (ICML 2021). It starts at the density of the network.

    Args:
        histories: One history per run (seed); each a sequence of rows, one
            per epoch, with `"epoch"` and the columns of `SparsityLogger`:
            `"changed_connections"`, `"explored_fraction"` and `"density"`.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure` with two panels.

    Raises:
        ValueError: If no history has one of the columns.

    Example:

    >>> row = {"changed_connections": 40, "explored_fraction": 0.2}
    >>> history = [{"epoch": 1, "density": 0.1, **row}]
    >>> figure = km.report.mask_changes([history])
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['Changed connections per epoch', 'Fraction of weights']
    """
    columns = {name: columns_of(histories, name) for name in _COLUMNS}
    missing = [name for name, found in columns.items() if not found]
    if missing:
        raise ValueError(
            f"No history has the columns {missing}. Put "
            "`keras_moon.callbacks.SparsityLogger()` after the callback that "
            "changes the masks, and before the one that keeps the history."
        )
    figure, axes = look.new_figure(1, 2)
    changes, explored = axes[0]
    draw_runs(
        changes, columns["changed_connections"], look.BLUE, "grown connections"
    )
    changes.set_ylim(bottom=0)
    look.label_panel(changes, "Epoch", "Changed connections per epoch")
    draw_runs(
        explored,
        columns["explored_fraction"],
        look.GREEN,
        "ever active, $R_s$",
    )
    draw_runs(explored, columns["density"], look.GREY, "active, density")
    explored.set_ylim(bottom=0)
    look.label_panel(explored, "Epoch", "Fraction of weights")
    for panel in axes[0]:
        whole_epochs(panel)
        look.add_legend(panel)
    look.title_figure(figure, title)
    return figure
