from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from sklearn import metrics

from keras_moon.functional import ranking

POSITIVES = ["ood", "id"]
INF = float("inf")

# Few distinct values: nearly every draw is full of ties.
tied_scores = st.lists(
    st.sampled_from([-INF, -2.5, 0.0, 0.5, 1.0, INF]), min_size=1, max_size=25
)
any_scores = st.lists(
    st.floats(allow_nan=False, width=32), min_size=1, max_size=25
)
score_lists = tied_scores | any_scores


def oriented(scores_id, scores_ood, positive):
    """Positives and negatives, where positives should score high."""
    if positive == "id":
        return list(scores_id), list(scores_ood)
    return [-s for s in scores_ood], [-s for s in scores_id]


def brute_auroc(positives, negatives):
    wins = sum(
        Fraction(2 * (p > n) + (p == n), 2)
        for p in positives
        for n in negatives
    )
    return wins / (len(positives) * len(negatives))


def curve(positives, negatives):
    """(true positives, false positives) at every threshold, strictest first."""
    thresholds = sorted({*positives, *negatives}, reverse=True)
    return [
        (sum(p >= t for p in positives), sum(n >= t for n in negatives))
        for t in thresholds
    ]


def brute_fpr(positives, negatives, tpr):
    for tp, fp in curve(positives, negatives):
        if tp / len(positives) >= tpr:
            return fp / len(negatives)


def brute_aupr(positives, negatives, method):
    points = [(Fraction(0), Fraction(1))]
    points += [
        (Fraction(tp, len(positives)), Fraction(tp, tp + fp))
        for tp, fp in curve(positives, negatives)
    ]
    area = Fraction(0)
    for (r0, p0), (r1, p1) in zip(points, points[1:], strict=False):
        height = (p0 + p1) / 2 if method == "trapezoid" else p1
        area += (r1 - r0) * height
    return area


@pytest.mark.parametrize("positive", POSITIVES)
@settings(max_examples=150, deadline=None)
@given(score_lists, score_lists)
def test_equal_to_brute_force(positive, scores_id, scores_ood):
    positives, negatives = oriented(scores_id, scores_ood, positive)
    assert ranking.auroc(scores_id, scores_ood, positive) == pytest.approx(
        float(brute_auroc(positives, negatives)), abs=1e-12
    )
    for tpr in (0.05, 0.5, 0.8, 0.95, 1.0):
        assert ranking.fpr_at_tpr(
            scores_id, scores_ood, positive, tpr=tpr
        ) == brute_fpr(positives, negatives, tpr)
    for method in ("trapezoid", "average_precision"):
        assert ranking.aupr(
            scores_id, scores_ood, positive, method
        ) == pytest.approx(
            float(brute_aupr(positives, negatives, method)), abs=1e-12
        )


@pytest.mark.parametrize("positive", POSITIVES)
@pytest.mark.parametrize("decimals", [0, 1, 8])
@pytest.mark.parametrize("sizes", [(200, 200), (200, 30), (1000, 777)])
def test_equal_to_scikit_learn(positive, decimals, sizes):
    rng = np.random.default_rng(sum(sizes))
    scores_id = rng.normal(1.0, 1.0, sizes[0]).round(decimals)
    scores_ood = rng.normal(0.0, 1.5, sizes[1]).round(decimals)
    labels = np.repeat([1, 0], sizes)
    scores = np.concatenate([scores_id, scores_ood])
    if positive == "ood":
        labels, scores = 1 - labels, -scores
    assert ranking.auroc(scores_id, scores_ood, positive) == pytest.approx(
        metrics.roc_auc_score(labels, scores), abs=1e-12
    )
    fpr, tpr, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert ranking.fpr_at_tpr(
        scores_id, scores_ood, positive=positive
    ) == pytest.approx(fpr[np.argmax(tpr >= 0.95)], abs=1e-12)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    assert ranking.aupr(scores_id, scores_ood, positive) == pytest.approx(
        metrics.auc(recall, precision), abs=1e-12
    )
    assert ranking.aupr(
        scores_id, scores_ood, positive, method="average_precision"
    ) == pytest.approx(
        metrics.average_precision_score(labels, scores), abs=1e-12
    )


def test_hand_computed():
    scores_id, scores_ood = [4.0, 3.0, 2.0, 2.0], [2.0, 1.0]
    # Pairs: 4 and 3 win twice each, each 2 ties once and wins once.
    assert ranking.auroc(scores_id, scores_ood) == 7 / 8
    # Both unknowns are caught only at threshold 2, with two of four knowns.
    assert ranking.fpr_at_tpr(scores_id, scores_ood) == 0.5
    assert ranking.fpr_at_tpr(scores_id, scores_ood, tpr=0.5) == 0.0
    # All knowns are accepted only at threshold 2, with one of two unknowns.
    assert ranking.fpr_at_tpr(scores_id, scores_ood, positive="id") == 0.5
    # Precision 1 up to recall 1/2, then 2 of 4 at recall 1.
    assert ranking.aupr(scores_id, scores_ood) == 0.5 + 0.5 * 0.75
    assert (
        ranking.aupr(scores_id, scores_ood, method="average_precision")
        == 0.5 + 0.5 * 0.5
    )


def test_all_ranking_metrics_take_the_same_first_arguments():
    scores_id, scores_ood = [4.0, 3.0, 2.0, 2.0], [2.0, 1.0, 1.0]
    for metric in METRICS:
        for positive in POSITIVES:
            assert metric(scores_id, scores_ood, positive) == metric(
                scores_id, scores_ood, positive=positive
            )
    with pytest.raises(TypeError, match="positional"):
        ranking.fpr_at_tpr(scores_id, scores_ood, "id", 0.5)


def test_fpr_conventions_differ():
    rng = np.random.default_rng(0)
    scores_id, scores_ood = rng.normal(1, 1, 300), rng.normal(0, 3, 300)
    ood = ranking.fpr_at_tpr(scores_id, scores_ood, positive="ood")
    known = ranking.fpr_at_tpr(scores_id, scores_ood, positive="id")
    assert abs(ood - known) > 0.1


def test_fpr_uses_points_that_scikit_learn_drops():
    # Equal steps to the right and up: with its default, roc_curve keeps only
    # the two ends of this diagonal and would answer 1.0.
    scores = np.arange(20.0)
    for positive in POSITIVES:
        value = ranking.fpr_at_tpr(scores, scores, positive=positive)
        assert value == 0.95


@pytest.mark.parametrize("num_positive", [20, 40, 100, 1000, 9000])
def test_rate_is_reached_exactly(num_positive):
    # 95 % of the positives is a whole number here and must be enough.
    scores_ood = np.arange(num_positive, dtype=float)
    threshold = scores_ood[int(0.95 * num_positive) - 1]
    scores_id = [threshold, threshold + 0.5]
    assert ranking.fpr_at_tpr(scores_id, scores_ood) == 0.5


def test_saturated_and_infinite_scores():
    scores_id = [1.0] * 6 + [0.5] * 4
    scores_ood = [1.0] * 5 + [0.25] * 5
    assert ranking.auroc(scores_id, scores_ood) == pytest.approx(0.65)
    assert ranking.auroc([INF, INF], [-INF, INF]) == 0.75
    assert ranking.fpr_at_tpr([INF, INF], [-INF, -INF]) == 0.0
    assert ranking.auroc([1.0], [1.0]) == 0.5
    assert ranking.auroc([2.0], [1.0]) == 1.0
    assert ranking.auroc([1.0], [2.0]) == 0.0


def test_invariant_under_increasing_maps():
    rng = np.random.default_rng(3)
    scores_id, scores_ood = rng.normal(1, 1, 80), rng.normal(0, 1, 70)
    for metric in (ranking.auroc, ranking.aupr, ranking.fpr_at_tpr):
        assert metric(scores_id, scores_ood) == metric(
            np.exp(scores_id) * 1e30, np.exp(scores_ood) * 1e30
        )


@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float32"])
def test_dtypes_and_float32_neighbours(dtype):
    one = np.ones((), dtype)
    above = np.nextafter(one, np.array(2, dtype))
    assert ranking.auroc(np.array([above]), np.array([one])) == 1.0
    assert ranking.auroc(np.array([2, 3]), np.array([True, False])) == 1.0


def test_result_is_a_python_float():
    for metric in (ranking.auroc, ranking.aupr, ranking.fpr_at_tpr):
        assert type(metric(np.float32([2.0, 1.0]), [0.0])) is float


METRICS = [ranking.auroc, ranking.aupr, ranking.fpr_at_tpr]


@pytest.mark.parametrize("metric", METRICS)
def test_errors(metric):
    with pytest.raises(ValueError, match="scores_id.*at least one.*empty"):
        metric([], [1.0])
    with pytest.raises(ValueError, match="scores_ood.*at least one.*empty"):
        metric([1.0], np.array([]))
    with pytest.raises(ValueError, match="scores_ood.*NaN.*1 NaN among 2.*x 1"):
        metric([1.0], [0.0, np.nan])
    with pytest.raises(ValueError, match=r"scores_id.*shape \(2, 2\)"):
        metric(np.zeros((2, 2)), [1.0])
    with pytest.raises(ValueError, match="positive.*'ood', 'id'.*'in'"):
        metric([1.0], [1.0], positive="in")
    with pytest.raises(TypeError, match="scores_id.*real numbers"):
        metric(["a"], [1.0])


@pytest.mark.parametrize("tpr", [0.0, -0.1, 1.1, 95, np.nan, "0.95"])
def test_tpr_errors(tpr):
    with pytest.raises(ValueError, match=r"`tpr`.*\(0, 1\].*tpr="):
        ranking.fpr_at_tpr([1.0], [0.0], tpr=tpr)


def test_method_error():
    with pytest.raises(ValueError, match="`method`.*'trapezoid'.*'simpson'"):
        ranking.aupr([1.0], [0.0], method="simpson")
