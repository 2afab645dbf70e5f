"""How well scores rank in-distribution above out-of-distribution samples.

Scores are higher = more in-distribution. Every metric is a function of the
*order* of the scores alone, so scores are replaced by their ranks first: ties
stay ties, infinities are ordinary values and nothing is lost to rounding
(`1 - score` in float32, which other toolkits use to flip the sign, merges
scores). `keras.metrics.AUC` bins scores by thresholds in [0, 1] and cannot
rank saturated probabilities or energies.
"""

import numbers
from typing import Any

import numpy as np

from keras_moon.api_export import keras_moon_export

_POSITIVES = ("ood", "id")
_AUPR_METHODS = ("trapezoid", "average_precision")


def _as_scores(scores: Any, name: str) -> np.ndarray:
    """Returns one group's scores as a checked float64 vector."""
    array = np.asarray(scores)
    if array.ndim != 1:
        raise ValueError(
            f"`{name}` must hold one score per sample, shape (samples,). "
            f"Received shape {array.shape}. Logits are turned into scores by "
            "the functions in keras_moon.functional.ood_scores."
        )
    if array.size == 0:
        raise ValueError(
            f"`{name}` must hold at least one score. Received an empty array: "
            "the metric is undefined without samples of both groups."
        )
    if array.dtype.kind in "cOSUMm":
        raise TypeError(
            f"`{name}` must hold real numbers. Received dtype {array.dtype}."
        )
    # float64 holds every float16, bfloat16 and float32 exactly.
    array = array.astype(np.float64)
    num_nan = int(np.isnan(array).sum())
    if num_nan:
        raise ValueError(
            f"`{name}` must not contain NaN, which has no rank. Received "
            f"{num_nan} NaN among {array.size} scores, the first at index "
            f"{int(np.flatnonzero(np.isnan(array))[0])}."
        )
    return array


def _ranked(
    scores_id: Any, scores_ood: Any, positive: str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns integer ranks of positives and negatives, positives high."""
    if positive not in _POSITIVES:
        raise ValueError(
            f"`positive` must be one of {_POSITIVES}: the group that counts "
            f"as a detection. Received: positive={positive!r}."
        )
    scores_id = _as_scores(scores_id, "scores_id")
    scores_ood = _as_scores(scores_ood, "scores_ood")
    _, ranks = np.unique(
        np.concatenate([scores_id, scores_ood]), return_inverse=True
    )
    ranks_id, ranks_ood = np.split(ranks, [scores_id.size])
    if positive == "id":
        return ranks_id, ranks_ood
    return -ranks_ood, -ranks_id


def _labelled(
    scores_id: Any, scores_ood: Any, positive: str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels (1 = positive) and ranks, as scikit-learn takes them."""
    positives, negatives = _ranked(scores_id, scores_ood, positive)
    labels = np.repeat([1, 0], [positives.size, negatives.size])
    return labels, np.concatenate([positives, negatives])


@keras_moon_export("functional.ranking.auroc")
def auroc(scores_id: Any, scores_ood: Any, positive: str = "ood") -> float:
    """Area under the receiver operating characteristic.

    The probability that a random in-distribution sample scores above a random
    out-of-distribution one, ties counting one half (the Mann-Whitney
    statistic). Exact under ties and infinities, in O(n log n).

    Args:
        scores_id: Scores of in-distribution samples, shape `(samples_id,)`;
            higher = more in-distribution.
        scores_ood: Scores of out-of-distribution samples, shape
            `(samples_ood,)`.
        positive: `"ood"` (the default) or `"id"`. The area is the same for
            both; the argument is here so that all ranking metrics are called
            alike.

    Returns:
        A float in [0, 1]; 0.5 is chance, 1.0 a perfect detector.

    Raises:
        ValueError: If a group is empty, is not a vector or contains NaN, or
            `positive` is unknown.
        TypeError: If scores are not real numbers.

    Example:

    >>> km.functional.ranking.auroc([0.9, 0.8, 0.5], [0.5, 0.1])
    0.916...
    """
    # Imported here to keep `import keras_moon` light.
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_labelled(scores_id, scores_ood, positive)))


@keras_moon_export("functional.ranking.aupr")
def aupr(
    scores_id: Any,
    scores_ood: Any,
    positive: str = "ood",
    method: str = "trapezoid",
) -> float:
    """Area under the precision-recall curve.

    `positive="ood"` is what OpenOOD calls AUPR_OUT, `positive="id"` AUPR_IN.
    OpenOOD integrates by the trapezoid rule, which is optimistic between
    points; scikit-learn and torchmetrics prefer average precision,
    `sum_n (R_n - R_{n-1}) P_n`. Tied scores share one point of the curve.

    Args:
        scores_id: Scores of in-distribution samples, shape `(samples_id,)`;
            higher = more in-distribution.
        scores_ood: Scores of out-of-distribution samples, shape
            `(samples_ood,)`.
        positive: The group to be detected, `"ood"` (the default) or `"id"`.
        method: `"trapezoid"` (the default) or `"average_precision"`.

    Returns:
        A float in [0, 1]. Chance level is the share of positives, so values
        compare only between sets of equal sizes.

    Raises:
        ValueError: If a group is empty, is not a vector or contains NaN, or
            `positive` or `method` is unknown.
        TypeError: If scores are not real numbers.

    Example:

    >>> km.functional.ranking.aupr([0.9, 0.8, 0.5], [0.5, 0.1])
    0.916...
    >>> km.functional.ranking.aupr(
    ...     [0.9, 0.8, 0.5], [0.5, 0.1], method="average_precision"
    ... )
    0.833...
    """
    if method not in _AUPR_METHODS:
        raise ValueError(
            f"`method` must be one of {_AUPR_METHODS}. Received: "
            f"method={method!r}."
        )
    from sklearn.metrics import auc
    from sklearn.metrics import average_precision_score
    from sklearn.metrics import precision_recall_curve

    labels, ranks = _labelled(scores_id, scores_ood, positive)
    if method == "average_precision":
        return float(average_precision_score(labels, ranks))
    precision, recall, _ = precision_recall_curve(labels, ranks)
    return float(auc(recall, precision))


@keras_moon_export("functional.ranking.fpr_at_tpr")
def fpr_at_tpr(
    scores_id: Any,
    scores_ood: Any,
    positive: str = "ood",
    *,
    tpr: float = 0.95,
) -> float:
    """False positive rate at the first threshold that reaches a detection rate.

    The strictest threshold at which at least `tpr` of the positives are
    detected; the result is the fraction of negatives detected with them.
    A group of tied scores is detected as a whole.

    Two conventions circulate as "FPR95" and are not comparable. With
    `positive="ood"` (OpenOOD v1.5) it is the share of in-distribution samples
    flagged when 95 % of the out-of-distribution ones are; with
    `positive="id"` (OpenOOD v1.0, the MOON paper) the share of
    out-of-distribution samples accepted when 95 % of the in-distribution ones
    are.

    Args:
        scores_id: Scores of in-distribution samples, shape `(samples_id,)`;
            higher = more in-distribution.
        scores_ood: Scores of out-of-distribution samples, shape
            `(samples_ood,)`.
        positive: The group to be detected, `"ood"` (the default) or `"id"`.
        tpr: Detection rate to reach, a fraction in (0, 1]. Defaults to 0.95.

    Returns:
        A float in [0, 1]; lower is better.

    Raises:
        ValueError: If a group is empty, is not a vector or contains NaN,
            `tpr` is outside (0, 1], or `positive` is unknown.
        TypeError: If scores are not real numbers.

    Example:

    >>> scores_id, scores_ood = [0.9, 0.8, 0.7, 0.2], [0.6, 0.4, 0.3, 0.1]
    >>> km.functional.ranking.fpr_at_tpr(scores_id, scores_ood, tpr=0.75)
    0.25
    >>> km.functional.ranking.fpr_at_tpr(
    ...     scores_id, scores_ood, tpr=0.75, positive="id"
    ... )
    0.0
    """
    if not (isinstance(tpr, numbers.Real) and 0.0 < tpr <= 1.0):
        raise ValueError(
            "`tpr` must be a fraction in (0, 1], 0.95 for the usual FPR95. "
            f"Received: tpr={tpr!r}."
        )
    positives, negatives = _ranked(scores_id, scores_ood, positive)
    # Not `sklearn.metrics.roc_curve`: by default it drops collinear points,
    # and under ties the first point that reaches `tpr` can be one of them.
    rates = np.arange(1, positives.size + 1) / positives.size
    needed = int(np.searchsorted(rates, tpr, side="left")) + 1
    threshold = np.sort(positives)[-needed]
    return float(np.mean(negatives >= threshold))
