import numpy as np
import pytest

from keras_moon.report import score_histograms


def test_one_panel_per_set_with_shared_bins():
    rng = np.random.default_rng(0)
    known = rng.normal(3.0, size=50)
    unknown = {name: rng.normal(size=80) for name in ("a", "b_c", "d")}
    figure = score_histograms(known, unknown, "Energy (nats)", num_bins=9)
    titles = [panel.get_title().split(" (")[0] for panel in figure.axes]
    assert titles == ["a", "b c", "d"]
    for panel in figure.axes:
        assert len(panel.patches) == 18
        heights = [bar.get_height() for bar in panel.patches]
        assert sum(heights[:9]) == pytest.approx(100.0)
        assert sum(heights[9:]) == pytest.approx(100.0)
        assert panel.get_xlabel() == "Energy (nats)"
        assert panel.get_ylabel() == "Samples (%)"
        assert panel.get_legend()


def test_the_area_is_that_of_the_scores():
    figure = score_histograms([1.0, 2.0], {"x": [0.0, 1.5]}, "s")
    assert figure.axes[0].get_title() == "x (AUROC 75.0 %)"


def test_equal_scores_can_be_drawn():
    figure = score_histograms([1.0, 1.0], {"x": [1.0]}, "s")
    assert figure.axes[0].get_title() == "x (AUROC 50.0 %)"


def test_a_logarithmic_scale_shows_single_samples():
    known, unknown = [1.0] * 99 + [0.5], {"x": [0.1] * 10}
    (linear,) = score_histograms(known, unknown, "s").axes
    assert linear.get_yscale() == "linear"
    (panel,) = score_histograms(known, unknown, "s", log_scale=True).axes
    assert panel.get_yscale() == "log"
    assert panel.get_ylim() == (0.5, 100.0)


def test_wrong_scores():
    with pytest.raises(ValueError, match="at least one set"):
        score_histograms([1.0], {}, "s")
    with pytest.raises(ValueError, match="'x' must be finite. Received 1"):
        score_histograms([1.0], {"x": [np.inf, 0.0]}, "s")
