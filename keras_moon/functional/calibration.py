"""Whether predicted probabilities can be taken at their word. NumPy.

Probabilities need not sum to one: for a model with an unknown output, pass
the first K columns of its (K+1)-way softmax. scikit-learn's `log_loss` and
`brier_score_loss` renormalise or refuse such rows, which is why they are not
used here.
"""

import operator
from typing import Any
from typing import NamedTuple

import numpy as np

from keras_moon.api_export import keras_moon_export


def _as_matrix(outputs: Any, name: str) -> np.ndarray:
    array = np.asarray(outputs)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"`{name}` must have shape (samples, classes) with at least one "
            f"of each. Received shape {array.shape}."
        )
    if array.dtype.kind in "cOSUMm":
        raise TypeError(
            f"`{name}` must hold real numbers. Received dtype {array.dtype}."
        )
    num_nan = int(np.isnan(array).sum())
    if num_nan:
        raise ValueError(
            f"`{name}` must not contain NaN. Received {num_nan} NaN in an "
            f"array of shape {array.shape}."
        )
    return array


def _as_probabilities(probabilities: Any, name: str) -> np.ndarray:
    array = _as_matrix(probabilities, name)
    low, high = float(array.min()), float(array.max())
    if low < 0.0 or high > 1.0:
        raise ValueError(
            f"`{name}` must lie in [0, 1]. Received values from {low:.6g} to "
            f"{high:.6g}: pass softmax outputs, not logits."
        )
    return array


def _as_labels(labels: Any, num_samples: int, num_classes: int) -> np.ndarray:
    array = np.asarray(labels)
    if array.shape == (num_samples, 1):
        array = array[:, 0]
    if array.shape != (num_samples,):
        raise ValueError(
            f"`labels` must hold one class index per sample, shape "
            f"({num_samples},). Received shape {array.shape}. One-hot labels "
            "become indices with `np.argmax(labels, axis=-1)`."
        )
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"`labels` must be class indices. Received dtype {array.dtype}."
        )
    with np.errstate(invalid="ignore"):  # NaN is caught by the comparison.
        indices = array.astype(np.int64)
    if not np.array_equal(indices, array):
        raise ValueError(
            "`labels` must be whole numbers. Received: "
            f"{array[indices != array][0]}."
        )
    low, high = int(indices.min()), int(indices.max())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"`labels` must lie between 0 and {num_classes - 1}, one column "
            f"per class. Received labels from {low} to {high}."
        )
    return indices


class ReliabilityBins(NamedTuple):
    """A reliability diagram as numbers; see `reliability_bins`.

    Attributes:
        edges: Bin edges, shape `(num_bins + 1,)`, from 0 to 1.
        counts: Number of samples per bin, shape `(num_bins,)`, integers.
        confidence: Mean confidence per bin; NaN where a bin is empty.
        accuracy: Share of correct samples per bin; NaN where it is empty.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


@keras_moon_export("functional.calibration.reliability_bins")
def reliability_bins(
    probabilities: Any, labels: Any, num_bins: int = 15
) -> ReliabilityBins:
    """Bins samples by the confidence of their predicted class.

    Bins have equal width and are closed on the right, `(lo, hi]`, as in the
    code of Guo et al., "On Calibration of Modern Neural Networks" (ICML
    2017); a confidence of exactly 0 belongs to the first bin and one of
    exactly 1 to the last, so that every sample is counted.

    Args:
        probabilities: Array of shape `(samples, classes)`, in [0, 1].
        labels: Class indices, shape `(samples,)` or `(samples, 1)`.
        num_bins: Number of bins, an integer >= 1. Defaults to 15.

    Returns:
        `ReliabilityBins(edges, counts, confidence, accuracy)`.

    Raises:
        ValueError: If shapes do not agree, a probability is NaN or outside
            [0, 1], a label has no column, or `num_bins` is less than 1.
        TypeError: If probabilities or labels are not numbers, or `num_bins`
            is not an integer.

    Example:

    >>> bins = km.functional.calibration.reliability_bins(
    ...     [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]], [0, 1, 1], num_bins=2
    ... )
    >>> bins.counts.tolist()
    [0, 3]
    >>> bins.confidence.round(3).tolist()
    [nan, 0.8]
    """
    try:
        num_bins = operator.index(num_bins)
    except TypeError:
        raise TypeError(
            "`num_bins` must be an integer. Received: "
            f"num_bins={num_bins!r} of type {type(num_bins).__name__}."
        ) from None
    if num_bins < 1:
        raise ValueError(
            f"`num_bins` must be at least 1. Received: num_bins={num_bins}."
        )
    probabilities = _as_probabilities(probabilities, "probabilities")
    labels = _as_labels(labels, *probabilities.shape)
    predicted = np.argmax(probabilities, axis=-1)
    confidence = np.max(probabilities, axis=-1)
    edges = np.arange(num_bins + 1) / num_bins
    # In the precision of the probabilities, so that a float32 0.2 lies on the
    # edge 0.2 and not above it.
    if confidence.dtype.kind not in "iub":
        inner = edges[1:-1].astype(confidence.dtype).astype(np.float64)
    else:
        inner = edges[1:-1]
    confidence = confidence.astype(np.float64)
    index = np.searchsorted(inner, confidence, side="left")
    counts = np.bincount(index, minlength=num_bins)
    empty_is_nan = np.where(counts, counts, np.nan)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(index, values, num_bins) / empty_is_nan

    return ReliabilityBins(
        edges, counts, mean(confidence), mean(predicted == labels)
    )


@keras_moon_export("functional.calibration.expected_calibration_error")
def expected_calibration_error(
    probabilities: Any, labels: Any, num_bins: int = 15
) -> float:
    """Expected calibration error (ECE) of the predicted class.

    `sum_b n_b / n |accuracy_b - confidence_b|` over equal-width bins, closed
    on the right: equation (3) of Guo et al., "On Calibration of Modern Neural
    Networks" (ICML 2017). Scores of exactly 0 and exactly 1 are counted
    (half-open bins, as in some published code, drop saturated predictions).

    Args:
        probabilities: Array of shape `(samples, classes)`, in [0, 1]. For a
            K+1 model, the first K columns: the predicted class is then one of
            the K, its confidence not renormalised.
        labels: Class indices, shape `(samples,)` or `(samples, 1)`.
        num_bins: Number of bins, an integer >= 1. Defaults to 15.

    Returns:
        A float in [0, 1]; 0 is perfectly calibrated.

    Raises:
        ValueError: If shapes do not agree, a probability is NaN or outside
            [0, 1], a label has no column, or `num_bins` is less than 1.
        TypeError: If probabilities or labels are not numbers, or `num_bins`
            is not an integer.

    Example:

    >>> km.functional.calibration.expected_calibration_error(
    ...     [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]], [0, 1, 1]
    ... )
    0.333...
    """
    bins = reliability_bins(probabilities, labels, num_bins)
    gaps = np.nan_to_num(np.abs(bins.accuracy - bins.confidence), nan=0.0)
    return float(np.sum(bins.counts * gaps) / np.sum(bins.counts))


@keras_moon_export("functional.calibration.negative_log_likelihood")
def negative_log_likelihood(
    outputs: Any, labels: Any, from_logits: bool = False
) -> float:
    """Mean negative log-likelihood (NLL) of the true classes, in nats.

    `mean_i -log p_i[y_i]`. A float32 softmax rounds small probabilities to 0,
    for which the result is infinity: it is not clipped. Pass the logits with
    `from_logits=True` to avoid that; for a K+1 model the softmax then runs
    over all K+1 logits.

    Args:
        outputs: Probabilities in [0, 1], or logits, shape
            `(samples, classes)`.
        labels: Class indices, shape `(samples,)` or `(samples, 1)`.
        from_logits: Whether `outputs` are logits. Defaults to `False`.

    Returns:
        A float >= 0, or infinity.

    Raises:
        ValueError: If shapes do not agree, a value is NaN, a sample's largest
            logit is infinite, a probability is outside [0, 1], or a label has
            no column.
        TypeError: If `outputs` or `labels` are not numbers.

    Example:

    >>> km.functional.calibration.negative_log_likelihood(
    ...     [[0.5, 0.5], [0.75, 0.25]], [0, 1]
    ... )
    1.0397...
    >>> km.functional.calibration.negative_log_likelihood(
    ...     [[0.0, 1000.0]], [0], from_logits=True
    ... )
    1000.0
    """
    if from_logits:
        logits = _as_matrix(outputs, "outputs").astype(np.float64)
        largest = logits.max(axis=-1, keepdims=True)
        if not np.isfinite(largest).all():
            raise ValueError(
                "The largest logit of each sample in `outputs` must be finite "
                "(-inf masks an output out, +inf is no logit). Received: "
                f"{largest[~np.isfinite(largest)][0]}."
            )
        logits = logits - largest
        log_sums = np.log(np.exp(logits).sum(axis=-1))
        labels = _as_labels(labels, *logits.shape)
        true = np.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]
        return float(np.mean(log_sums - true))
    probabilities = _as_probabilities(outputs, "outputs").astype(np.float64)
    labels = _as_labels(labels, *probabilities.shape)
    true = np.take_along_axis(probabilities, labels[:, None], axis=-1)
    with np.errstate(divide="ignore"):  # log(0) is the documented infinity.
        return float(np.mean(-np.log(true)) + 0.0)  # no -0.0


@keras_moon_export("functional.calibration.brier_score")
def brier_score(probabilities: Any, labels: Any) -> float:
    """Brier score: mean squared distance of probabilities and one-hot labels.

    `mean_i sum_c (p_ic - 1[y_i = c])^2`, the original definition of Brier,
    "Verification of Forecasts Expressed in Terms of Probability" (1950), which
    runs from 0 to 2; halve it for the binary convention.

    Args:
        probabilities: Array of shape `(samples, classes)`, in [0, 1].
        labels: Class indices, shape `(samples,)` or `(samples, 1)`.

    Returns:
        A float >= 0 (at most 2 where rows sum to one); lower is better.

    Raises:
        ValueError: If shapes do not agree, a probability is NaN or outside
            [0, 1], or a label has no column.
        TypeError: If probabilities or labels are not numbers.

    Example:

    >>> km.functional.calibration.brier_score([[0.5, 0.5], [1.0, 0.0]], [0, 1])
    1.25
    """
    probabilities = _as_probabilities(probabilities, "probabilities")
    labels = _as_labels(labels, *probabilities.shape)
    errors = probabilities.astype(np.float64)
    errors[np.arange(labels.size), labels] -= 1.0
    return float(np.mean(np.sum(np.square(errors), axis=-1)))
