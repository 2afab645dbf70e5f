import types

import keras
import numpy as np
import pytest
from sklearn import metrics as reference

from flags import EvaluationConfig
from trainers.evaluation import classification_metrics
from trainers.evaluation import detection_metrics
from trainers.evaluation import evaluate


def test_classification_metrics_of_known_logits():
    probabilities = np.array([[0.92, 0.08], [0.83, 0.17], [0.26, 0.74]])
    metrics = classification_metrics(
        np.log(probabilities).astype("float32"), np.array([0, 1, 1]), 10
    )
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    nll = -np.mean(np.log([0.92, 0.17, 0.74]))
    assert metrics["nll"] == pytest.approx(nll, rel=1e-5)
    brier = np.mean([2 * 0.08**2, 2 * 0.83**2, 2 * 0.26**2])
    assert metrics["brier"] == pytest.approx(brier, rel=1e-5)
    # Three bins of one sample: gaps of 0.08, 0.83 and 0.26.
    assert metrics["ece"] == pytest.approx(1.17 / 3, rel=1e-5)


def test_detection_metrics_and_group_means():
    rng = np.random.default_rng(0)
    known = rng.normal(2.0, size=60)
    unknown = {
        "a": rng.normal(1.0, size=40),
        "b": rng.normal(0.0, size=30),
        "c": rng.normal(-1.0, size=50),
    }
    groups = {"a": "near", "b": "far", "c": "far"}
    table = detection_metrics(known, unknown, groups, "ood")
    assert list(table) == ["a", "b", "c", "near_mean", "far_mean"]
    for name, scores in unknown.items():
        labels = np.repeat([0, 1], [len(known), len(scores)])
        expected = reference.roc_auc_score(
            labels, -np.concatenate([known, scores])
        )
        assert table[name]["auroc"] == pytest.approx(expected)
    assert table["near_mean"] == table["a"]
    for metric, value in table["far_mean"].items():
        both = table["b"][metric] + table["c"][metric]
        assert value == pytest.approx(both / 2)


def test_the_positive_class_decides_the_false_positives():
    known, unknown = np.arange(100.0), np.array([-1.0] * 10 + [98.5])
    groups = {"x": "far"}

    def fpr(positive):
        table = detection_metrics(known, {"x": unknown}, groups, positive)
        return table["x"]["fpr95"]

    # Detecting 95 % of 11 unknown samples takes all of them, and with them
    # the 99 known ones below 98.5.
    assert fpr("ood") == pytest.approx(0.99)
    # Accepting 95 of 100 known samples accepts the one unknown at 98.5.
    assert fpr("id") == pytest.approx(1 / 11)


def test_evaluate_scores_every_set():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inputs * 1.0)
    logits = np.array([[5, 0, 0], [0, 4, 0], [0, 0, 3]], "float32")
    test = types.SimpleNamespace(x=logits, y=np.array([0, 1, 2]))
    unknown = {
        "flat": types.SimpleNamespace(x=np.zeros((5, 3)), group="near"),
        "weak": types.SimpleNamespace(x=0.1 * logits, group="far"),
    }
    result = evaluate(model, test, unknown, EvaluationConfig(), batch_size=2)
    assert result.metrics["accuracy"] == 1.0
    assert result.metrics["ood_groups"] == {"flat": "near", "weak": "far"}
    for score in ("msp", "max_logit", "energy"):
        table = result.metrics["ood"][score]
        assert table["flat"]["auroc"] == 1.0
        assert table["near_mean"]["fpr95"] == 0.0
    np.testing.assert_allclose(
        result.arrays["max_logit/weak"], [0.5, 0.4, 0.3], rtol=1e-6
    )
    np.testing.assert_allclose(
        result.arrays["msp/flat"], np.full(5, 1 / 3), rtol=1e-6
    )
    assert result.arrays["probabilities"].shape == (3, 3)
