"""One look for all figures, and how they are written.

matplotlib is imported when a figure is made, never with the library, and only
through its object interface: no global state, no display needed.
"""

import os
import pathlib
from typing import Any

from keras_moon.api_export import keras_moon_export

# Okabe and Ito's palette, told apart by readers with colour-vision deficiency.
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
GREY = "#666666"

_FONT_SIZE = 9
_DOTS_PER_INCH = 200


def new_figure(
    rows: int = 1,
    columns: int = 1,
    width: float = 3.4,
    height: float = 2.6,
    **subplots: Any,
) -> tuple[Any, Any]:
    """Returns a figure and its axes, an array of shape (rows, columns).

    Args:
        rows: Number of panels from top to bottom.
        columns: Number of panels from left to right.
        width: Width of one panel in inches.
        height: Height of one panel in inches.
        **subplots: Passed on to `matplotlib.figure.Figure.subplots`.
    """
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(width * columns, height * rows), layout="constrained"
    )
    axes = figure.subplots(rows, columns, squeeze=False, **subplots)
    for panel in axes.flat:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(True, color="#DDDDDD", linewidth=0.5)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=_FONT_SIZE - 1)
    return figure, axes


def title_figure(figure: Any, title: str) -> None:
    """Writes the title over all panels."""
    figure.suptitle(title, fontsize=_FONT_SIZE + 1)


def label_panel(panel: Any, x: str, y: str, title: str = "") -> None:
    """Names the axes, with units, and the panel."""
    panel.set_xlabel(x, fontsize=_FONT_SIZE)
    panel.set_ylabel(y, fontsize=_FONT_SIZE)
    if title:
        panel.set_title(title, fontsize=_FONT_SIZE)


def add_legend(panel: Any, **options: Any) -> None:
    """Adds a legend in the figures' font."""
    panel.legend(fontsize=_FONT_SIZE - 1, frameon=False, **options)


@keras_moon_export("report.save_figure")
def save_figure(figure: Any, path: str | os.PathLike) -> list[pathlib.Path]:
    """Writes a figure as `.png` (for screens) and `.pdf` (for papers).

    Equal figures give equal files: no dates are written into them.

    Args:
        figure: A `matplotlib.figure.Figure`, as the functions of
            `keras_moon.report` return.
        path: Path without suffix. Its directory is created where it is
            missing.

    Returns:
        The two paths.

    Example:

    >>> import tempfile
    >>> figure = km.report.reliability_diagram([([[0.9, 0.1]], [0])])
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     paths = km.report.save_figure(figure, directory + "/reliability")
    >>> [path.name for path in paths]
    ['reliability.png', 'reliability.pdf']
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    png = path.with_name(f"{path.name}.png")
    pdf = path.with_name(f"{path.name}.pdf")
    figure.savefig(png, dpi=_DOTS_PER_INCH)
    figure.savefig(pdf, metadata={"CreationDate": None})
    return [png, pdf]
