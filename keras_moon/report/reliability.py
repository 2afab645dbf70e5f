"""The reliability diagram: accuracy against confidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_moon.api_export import keras_moon_export
from keras_moon.functional.calibration import expected_calibration_error
from keras_moon.functional.calibration import reliability_bins
from keras_moon.report import figure as look


@keras_moon_export("report.reliability_diagram")
def reliability_diagram(
    runs: Sequence[tuple[Any, Any]],
    num_bins: int = 15,
    title: str = "Reliability diagram",
) -> Any:
    """Draws accuracy per confidence bin, and how many samples are in each.

    Bins are those of `keras_moon.functional.calibration.reliability_bins`
    (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017,
    figure 1). Samples of several runs are pooled for the bars; the ECE above
    them is the mean over the runs.

    Args:
        runs: One pair `(probabilities, labels)` per run (seed), with shapes
            `(samples, classes)` and `(samples,)`.
        num_bins: Number of bins. Defaults to 15.
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure` with the diagram above the histogram.

    Raises:
        ValueError: If there is no run, or probabilities and labels are not
            valid.

    Example:

    >>> runs = [([[0.9, 0.1], [0.3, 0.7]], [0, 1])]
    >>> figure = km.report.reliability_diagram(runs, num_bins=10)
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['Accuracy', 'Samples (%)']
    """
    if not runs:
        raise ValueError("`runs` must hold at least one pair. Received: none.")
    errors = [expected_calibration_error(*run, num_bins) for run in runs]
    bins = reliability_bins(
        np.concatenate(
            [np.asarray(probabilities) for probabilities, _ in runs]
        ),
        np.concatenate([np.asarray(labels) for _, labels in runs]),
        num_bins,
    )
    figure, axes = look.new_figure(
        2, 1, width=3.6, height=2.2, sharex=True, height_ratios=[3, 1]
    )
    diagram, histogram = axes[:, 0]
    _draw_diagram(diagram, bins)
    share = 100.0 * bins.counts / bins.counts.sum()
    histogram.bar(
        bins.edges[:-1],
        share,
        width=np.diff(bins.edges),
        align="edge",
        color=look.GREY,
        edgecolor="white",
        linewidth=0.5,
    )
    mean = f"ECE {100.0 * np.mean(errors):.2f} %"
    if len(errors) > 1:
        mean += f", mean of {len(errors)} runs"
    look.label_panel(diagram, "", "Accuracy", mean)
    look.label_panel(histogram, "Confidence", "Samples (%)")
    # Almost all samples of a good network are in the last bin.
    histogram.set_yscale("log")
    histogram.set_ylim(bottom=50.0 / bins.counts.sum())
    histogram.minorticks_off()
    histogram.yaxis.set_major_formatter("{x:g}")
    # Bars can be anywhere in the panel, so the legend is outside.
    look.add_legend(
        figure,
        handles=diagram.get_legend_handles_labels()[0],
        loc="outside lower center",
        ncols=2,
    )
    look.title_figure(figure, title)
    return figure


def _draw_diagram(panel: Any, bins: Any) -> None:
    full = bins.counts > 0
    left, width = bins.edges[:-1][full], np.diff(bins.edges)[full]
    accuracy, confidence = bins.accuracy[full], bins.confidence[full]
    panel.bar(
        left,
        accuracy,
        width=width,
        align="edge",
        color=look.BLUE,
        edgecolor="white",
        linewidth=0.5,
        label="accuracy",
    )
    panel.bar(
        left,
        confidence - accuracy,
        bottom=accuracy,
        width=width,
        align="edge",
        color=look.ORANGE,
        alpha=0.35,
        edgecolor=look.ORANGE,
        hatch="///",
        linewidth=0.5,
        label="gap to mean confidence",
    )
    panel.plot(
        [0, 1],
        [0, 1],
        color="black",
        linewidth=0.8,
        linestyle="--",
        label="perfect calibration",
    )
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
