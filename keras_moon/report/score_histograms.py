"""Histograms of OOD scores: the test set against each OOD set."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_moon.api_export import keras_moon_export
from keras_moon.functional.ranking import auroc
from keras_moon.report import figure as look

_COLUMNS = 2


@keras_moon_export("report.score_histograms")
def score_histograms(
    scores_id: Any,
    scores_ood: Mapping[str, Any],
    score_name: str,
    num_bins: int = 40,
    log_scale: bool = False,
    title: str = "Scores of known and unknown samples",
) -> Any:
    """Draws one panel per OOD set, with shared bins, and its AUROC.

    Args:
        scores_id: Scores of the test set, shape `(samples,)`; higher = more
            in-distribution.
        scores_ood: Scores by name of the OOD set, each `(samples,)`.
        score_name: Label of the horizontal axis, with its unit if it has one.
        num_bins: Number of bins over the range of all scores.
        log_scale: Whether the vertical axis is logarithmic: for scores such
            as probabilities, that crowd at one end. Defaults to `False`.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If there is no OOD set or a score is not finite.

    Example:

    >>> figure = km.report.score_histograms(
    ...     [0.9, 0.8, 0.95], {"noise": [0.3, 0.85]}, "Maximum probability"
    ... )
    >>> figure.axes[0].get_title()
    'noise (AUROC 83.3 %)'
    """
    if not scores_ood:
        raise ValueError("`scores_ood` must hold at least one set.")
    groups = {"test set": scores_id, **scores_ood}
    arrays = {name: np.asarray(scores) for name, scores in groups.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(
                f"The scores of {name!r} must be finite. Received "
                f"{int((~np.isfinite(array)).sum())} that are not."
            )
    known = arrays.pop("test set")
    low = min(known.min(), *(array.min() for array in arrays.values()))
    high = max(known.max(), *(array.max() for array in arrays.values()))
    edges = np.linspace(low, high if high > low else low + 1.0, num_bins + 1)
    rows = -(-len(arrays) // _COLUMNS)
    columns = min(len(arrays), _COLUMNS)
    figure, axes = look.new_figure(rows, columns, height=2.2, sharex=True)
    for panel in axes.flat[len(arrays) :]:
        panel.remove()
    for panel, (name, array) in zip(axes.flat, arrays.items(), strict=False):
        _draw_histogram(panel, known, edges, look.BLUE, "test set")
        name = name.replace("_", " ")
        _draw_histogram(panel, array, edges, look.ORANGE, name)
        area = 100.0 * auroc(known, array)
        look.label_panel(
            panel, score_name, "Samples (%)", f"{name} (AUROC {area:.1f} %)"
        )
        panel.tick_params(labelbottom=True)
        if log_scale:
            panel.set_yscale("log")
            panel.set_ylim(50.0 / max(known.size, array.size), 100.0)
            panel.yaxis.set_major_formatter("{x:g}")
            panel.minorticks_off()
        look.add_legend(panel)
    look.title_figure(figure, title)
    return figure


def _draw_histogram(
    panel: Any, scores: Any, edges: Any, color: str, label: str
) -> None:
    panel.hist(
        scores,
        edges,
        weights=np.full(scores.shape, 100.0 / scores.size),
        color=color,
        alpha=0.55,
        label=label,
    )
