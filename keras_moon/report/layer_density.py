"""The density of each layer, as bars."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_moon.api_export import keras_moon_export
from keras_moon.report import figure as look

_INCHES_PER_LAYER = 0.24


@keras_moon_export("report.layer_density")
def layer_density(
    nonzeros: Mapping[str, int],
    sizes: Mapping[str, int],
    title: str = "Density per layer",
) -> Any:
    """Draws the fraction of nonzero weights of each layer.

    Args:
        nonzeros: Number of nonzero weights by layer name, in the order of the
            network.
        sizes: Number of weights by layer name.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no layer, or the names differ.

    Example:

    >>> figure = km.report.layer_density(
    ...     {"conv": 90, "dense": 40}, {"conv": 100, "dense": 400}
    ... )
    >>> [bar.get_width() for bar in figure.axes[0].patches]
    [0.9, 0.1]
    """
    if not nonzeros or nonzeros.keys() != sizes.keys():
        raise ValueError(
            "`nonzeros` and `sizes` must hold the same layers, at least one. "
            f"Received: {list(nonzeros)} and {list(sizes)}."
        )
    names = list(nonzeros)
    total = sum(nonzeros.values()) / sum(sizes.values())
    figure, axes = look.new_figure(
        width=5.2, height=1.3 + _INCHES_PER_LAYER * len(names)
    )
    panel = axes[0, 0]
    panel.grid(False, axis="y")
    positions = np.arange(len(names))
    bars = panel.barh(
        positions,
        [nonzeros[name] / sizes[name] for name in names],
        color=look.BLUE,
        height=0.7,
        label="layer",
    )
    panel.bar_label(
        bars,
        [f"{nonzeros[name]:,} of {sizes[name]:,}" for name in names],
        padding=4,
        fontsize=7,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )
    panel.axvline(
        total,
        color=look.ORANGE,
        linewidth=1.0,
        linestyle="--",
        label=f"all layers, {total:.4f}",
    )
    panel.set_yticks(positions, names)
    panel.invert_yaxis()
    # The counts stand to the right of the bars.
    panel.set_xlim(0, 1.35)
    panel.set_xticks(np.linspace(0, 1, 6))
    look.label_panel(
        panel, "Density (fraction of weights that is not zero)", ""
    )
    look.add_legend(
        panel, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2
    )
    look.title_figure(figure, title)
    return figure
