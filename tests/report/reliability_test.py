import numpy as np
import pytest

from keras_moon.report import reliability_diagram

PROBABILITIES = [[0.9, 0.1], [0.8, 0.2], [0.45, 0.55], [0.3, 0.7]]
LABELS = [0, 1, 1, 1]


def bars(panel):
    return [
        (round(b.get_x(), 6), round(b.get_y(), 6), round(b.get_height(), 6))
        for b in panel.patches
    ]


def test_bars_are_accuracy_and_gap():
    figure = reliability_diagram([(PROBABILITIES, LABELS)], num_bins=4)
    # (0.5, 0.75]: 0.55 and 0.7, both right; (0.75, 1]: 0.9 right, 0.8 wrong.
    assert bars(figure.axes[0]) == [
        (0.5, 0.0, 1.0),
        (0.75, 0.0, 0.5),
        (0.5, 1.0, -0.375),
        (0.75, 0.5, 0.35),
    ]
    shares = [height for _, _, height in bars(figure.axes[1])]
    assert shares == [0.0, 0.0, 50.0, 50.0]


def test_runs_are_pooled_and_their_error_averaged():
    # An ECE of 0.1 and one of 0.9: pooled, it would be 0.4.
    runs = [([[0.9, 0.1]], [0]), ([[0.9, 0.1]], [1])]
    figure = reliability_diagram(runs, num_bins=10, title="T")
    assert figure.axes[0].get_title() == "ECE 50.00 %, mean of 2 runs"
    (accuracy, _) = figure.axes[0].containers
    assert [bar.get_height() for bar in accuracy] == [0.5]
    assert figure.get_suptitle() == "T"


def test_has_axes_and_legend():
    figure = reliability_diagram([(np.eye(3), [0, 1, 2])])
    diagram, histogram = figure.axes
    assert diagram.get_ylabel() == "Accuracy"
    assert histogram.get_xlabel() == "Confidence"
    assert histogram.get_ylabel() == "Samples (%)"
    assert len(figure.legends[0].get_texts()) == 3


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="at least one pair"):
        reliability_diagram([])
