import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.special import softmax
from sklearn import metrics

from keras_moon.functional import calibration

ALL = [
    calibration.reliability_bins,
    calibration.expected_calibration_error,
    calibration.negative_log_likelihood,
    calibration.brier_score,
]


def loop_ece(probabilities, labels, num_bins):
    """Guo et al.'s definition, bin by bin, the first bin closed at 0."""
    confidence = probabilities.max(-1)
    correct = probabilities.argmax(-1) == labels
    total = 0.0
    for b in range(num_bins):
        inside = (confidence > b / num_bins) & (
            confidence <= (b + 1) / num_bins
        )
        if b == 0:
            inside |= confidence == 0.0
        if inside.any():
            gap = abs(correct[inside].mean() - confidence[inside].mean())
            total += inside.mean() * gap
    return total


def draw(seed, samples, classes, scale=2.0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, scale, (samples, classes))
    return logits, softmax(logits, axis=-1), rng.integers(0, classes, samples)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 60),
    st.integers(1, 5),
    st.integers(1, 20),
    st.booleans(),
)
def test_ece_equals_a_loop(seed, samples, classes, num_bins, on_edges):
    _, probabilities, labels = draw(seed, samples, classes)
    if on_edges:  # Confidences that sit exactly on bin edges.
        probabilities = np.round(probabilities * num_bins) / num_bins
    assert calibration.expected_calibration_error(
        probabilities, labels, num_bins
    ) == pytest.approx(loop_ece(probabilities, labels, num_bins), abs=1e-12)


def test_ece_hand_computed():
    probabilities = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]]
    # With two bins all four are in (0.5, 1]: confidence 0.7375, accuracy 0.5.
    assert calibration.expected_calibration_error(
        probabilities, [0, 1, 1, 0], num_bins=2
    ) == pytest.approx(0.2375)
    # With ten bins each is alone: gaps 0.1, 0.8, 0.3, 0.55.
    assert calibration.expected_calibration_error(
        probabilities, [0, 1, 1, 0], num_bins=10
    ) == pytest.approx(1.75 / 4)


def test_saturated_scores_are_counted():
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]], "float32")
    ece = calibration.expected_calibration_error
    assert ece(probabilities, [1, 1]) == 1.0
    assert ece(probabilities, [0, 0]) == 0.0
    # All the mass on an unknown output that is not passed: confidence 0.
    assert ece(np.zeros((2, 3)), [0, 0]) == 1.0
    bins = calibration.reliability_bins(np.zeros((2, 3)), [0, 1])
    assert bins.counts[0] == 2 and bins.counts.sum() == 2
    assert bins.confidence[0] == 0.0 and bins.accuracy[0] == 0.5


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", ml_dtypes.bfloat16]
)
def test_bins_are_closed_on_the_right_in_every_dtype(dtype):
    probabilities = np.array([[0.2], [0.4], [0.6], [0.8], [1.0]], dtype)
    bins = calibration.reliability_bins(probabilities, np.zeros(5), num_bins=5)
    assert bins.counts.tolist() == [1, 1, 1, 1, 1]
    np.testing.assert_allclose(
        bins.edges, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-12
    )


def test_integer_probabilities():
    assert (
        calibration.reliability_bins([[1, 0], [0, 1]], [0, 0], 4).counts[-1]
        == 2
    )
    assert calibration.expected_calibration_error([[1, 0]], [1]) == 1.0


def test_reliability_bins_hand_computed():
    bins = calibration.reliability_bins(
        [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [0, 1, 1], num_bins=4
    )
    assert bins.counts.tolist() == [0, 0, 1, 2]
    np.testing.assert_allclose(bins.confidence, [np.nan, np.nan, 0.7, 0.85])
    np.testing.assert_allclose(bins.accuracy, [np.nan, np.nan, 1.0, 0.5])


@pytest.mark.parametrize("scale", [0.1, 2.0, 4.0])
def test_likelihood_and_brier_equal_scikit_learn(scale):
    logits, probabilities, labels = draw(7, 200, 5, scale)
    nll = metrics.log_loss(labels, probabilities, labels=range(5))
    assert calibration.negative_log_likelihood(
        probabilities, labels
    ) == pytest.approx(nll, rel=1e-9)
    assert calibration.negative_log_likelihood(
        logits, labels, from_logits=True
    ) == pytest.approx(nll, rel=1e-9)
    one_hot = np.eye(5)[labels]
    assert calibration.brier_score(probabilities, labels) == pytest.approx(
        ((probabilities - one_hot) ** 2).sum(-1).mean(), rel=1e-12
    )


def test_likelihood_of_extreme_logits():
    nll = calibration.negative_log_likelihood
    logits = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], "float32")
    assert nll(logits, [0, 1], from_logits=True) == 0.0
    assert nll(logits, [1, 1], from_logits=True) == 1000.0
    assert nll([[0.0, 1.0]], [0]) == np.inf
    perfect = nll([[0.0, 1.0]], [1])
    assert perfect == 0.0 and not np.signbit(perfect)
    # A logit of -inf takes its output out of the softmax.
    assert nll([[0.0, 0.0, -np.inf]], [1], from_logits=True) == pytest.approx(
        np.log(2)
    )


def test_unknown_output_takes_part_in_the_softmax_only():
    logits, probabilities, labels = draw(1, 50, 4)
    labels = labels % 3
    assert calibration.negative_log_likelihood(
        logits, labels, from_logits=True
    ) == pytest.approx(
        -log_softmax(logits, axis=-1)[np.arange(50), labels].mean()
    )
    assert calibration.negative_log_likelihood(
        probabilities[:, :3], labels
    ) == pytest.approx(
        calibration.negative_log_likelihood(probabilities, labels)
    )
    known = probabilities[:, :3]
    assert calibration.expected_calibration_error(
        known, labels
    ) == pytest.approx(loop_ece(known, labels, 15))


def test_brier_range():
    assert calibration.brier_score([[1.0, 0.0]], [0]) == 0.0
    assert calibration.brier_score([[1.0, 0.0]], [1]) == 2.0
    assert calibration.brier_score([[0.25] * 4], [2]) == pytest.approx(0.75)


@pytest.mark.parametrize("function", ALL)
def test_arguments_are_left_untouched(function):
    probabilities, labels = np.array([[0.6, 0.4]]), np.array([[1]])
    function(probabilities, labels)
    assert probabilities.tolist() == [[0.6, 0.4]] and labels.tolist() == [[1]]


@pytest.mark.parametrize("function", ALL)
def test_label_layouts_agree(function):
    _, probabilities, labels = draw(2, 20, 3)
    expected = function(probabilities, labels)
    for other in (labels[:, None], labels.astype("float32"), labels.tolist()):
        np.testing.assert_equal(function(probabilities, other), expected)


@pytest.mark.parametrize("function", ALL)
def test_errors(function):
    good = np.array([[0.5, 0.5], [1.0, 0.0]])
    with pytest.raises(ValueError, match=r"\(samples, classes\).*\(2,\)"):
        function([0.5, 0.5], [0, 0])
    with pytest.raises(ValueError, match=r"at least one.*\(0, 3\)"):
        function(np.zeros((0, 3)), [])
    with pytest.raises(ValueError, match="NaN.*1 NaN"):
        function([[np.nan, 0.5]], [0])
    with pytest.raises(ValueError, match=r"\[0, 1\].*from -2 to 3: .*not logi"):
        function([[3.0, -2.0]], [0])
    with pytest.raises(TypeError, match="real numbers"):
        function([["a", "b"]], [0])
    with pytest.raises(ValueError, match=r"shape \(2,\).*\(2, 2\).*argmax"):
        function(good, np.eye(2))
    with pytest.raises(ValueError, match=r"shape \(2,\).*\(3,\)"):
        function(good, [0, 1, 1])
    with pytest.raises(ValueError, match="between 0 and 1.*from 0 to 2"):
        function(good, [0, 2])
    with pytest.raises(ValueError, match="between 0 and 1.*from -1 to 0"):
        function(good, [0, -1])
    with pytest.raises(ValueError, match="whole numbers.*0.5"):
        function(good, [0, 0.5])
    with pytest.raises(ValueError, match="whole numbers.*nan"):
        function(good, [0, np.nan])
    with pytest.raises(TypeError, match="class indices.*dtype"):
        function(good, ["a", "b"])


@pytest.mark.parametrize("function", ALL[:2])
def test_num_bins_errors(function):
    with pytest.raises(ValueError, match="at least 1.*num_bins=0"):
        function([[1.0]], [0], num_bins=0)
    with pytest.raises(TypeError, match="integer.*num_bins=1.5.*float"):
        function([[1.0]], [0], num_bins=1.5)


@pytest.mark.parametrize("wrong", [np.inf, -np.inf])
def test_infinite_logits_error(wrong):
    with pytest.raises(ValueError, match=f"must be finite.*{wrong}"):
        calibration.negative_log_likelihood(
            [[wrong, wrong]], [0], from_logits=True
        )
