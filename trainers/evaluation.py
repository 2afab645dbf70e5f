"""What a finished network is worth: accuracy, calibration, OOD detection."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

import keras_moon as km
from flags import EvaluationConfig

_SCORES = {
    "msp": km.functional.ood_scores.msp,
    "max_logit": km.functional.ood_scores.max_logit,
    "energy": km.functional.ood_scores.energy,
}


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One network judged.

    Attributes:
        metrics: Nested dict of numbers, ready for JSON: `accuracy`, `ece`,
            `nll`, `brier`, `ood[score][set or mean][metric]`, and the group
            of each set, `ood_groups[set]`.
        arrays: What the figures need and what others may want to rank
            themselves: `probabilities`, `labels`, and the scores as
            `<score>/<set>`, with `id` for the test set.
    """

    metrics: dict[str, Any]
    arrays: dict[str, np.ndarray]


def evaluate(
    model: keras.Model,
    test: Any,
    ood_sets: Mapping[str, Any],
    config: EvaluationConfig,
    batch_size: int,
) -> Evaluation:
    """Evaluates a classifier that returns logits.

    Args:
        model: The network.
        test: In-distribution test data with `.x` and class indices `.y`.
        ood_sets: Sets with `.x` and `.group`, `"near"` or `"far"`, by name.
        config: Positive class and number of bins.
        batch_size: Samples per prediction step.

    Returns:
        An `Evaluation`.
    """

    def predict(x: np.ndarray) -> np.ndarray:
        logits = model.predict(x, batch_size=batch_size, verbose=0)
        return np.asarray(logits, dtype="float32")

    logits = predict(test.x)
    logits_ood = {name: predict(ood.x) for name, ood in ood_sets.items()}
    probabilities = _softmax(logits)
    arrays = {"probabilities": probabilities, "labels": np.asarray(test.y)}
    groups = {name: ood.group for name, ood in ood_sets.items()}
    ood = {}
    for score_name, score in _SCORES.items():
        scores_id = _as_numpy(score(logits))
        scores_ood = {n: _as_numpy(score(x)) for n, x in logits_ood.items()}
        arrays[f"{score_name}/id"] = scores_id
        for name, values in scores_ood.items():
            arrays[f"{score_name}/{name}"] = values
        ood[score_name] = detection_metrics(
            scores_id, scores_ood, groups, config.positive
        )
    return Evaluation(
        {
            **classification_metrics(logits, test.y, config.num_bins),
            "ood_groups": groups,
            "ood": ood,
        },
        arrays,
    )


def classification_metrics(
    logits: np.ndarray, labels: np.ndarray, num_bins: int
) -> dict[str, float]:
    """Accuracy, ECE, NLL (in nats) and Brier score of logits."""
    probabilities = _softmax(logits)
    calibration = km.functional.calibration
    return {
        "accuracy": float(np.mean(np.argmax(logits, axis=-1) == labels)),
        "ece": calibration.expected_calibration_error(
            probabilities, labels, num_bins
        ),
        "nll": calibration.negative_log_likelihood(
            logits, labels, from_logits=True
        ),
        "brier": calibration.brier_score(probabilities, labels),
    }


def detection_metrics(
    scores_id: np.ndarray,
    scores_ood: Mapping[str, np.ndarray],
    groups: Mapping[str, str],
    positive: str,
) -> dict[str, dict[str, float]]:
    """AUROC, FPR95 and AUPR per OOD set, and their means per group.

    Args:
        scores_id: Scores of the test set; higher = more in-distribution.
        scores_ood: Scores per OOD set.
        groups: `"near"` or `"far"` per OOD set.
        positive: The group to be detected, `"ood"` or `"id"`.

    Returns:
        The metrics by set name, then `near_mean` and `far_mean`, the
        unweighted means over the sets of a group.
    """
    ranking = km.functional.ranking
    table = {
        name: {
            "auroc": ranking.auroc(scores_id, scores, positive),
            "fpr95": ranking.fpr_at_tpr(scores_id, scores, positive, tpr=0.95),
            "aupr_in": ranking.aupr(scores_id, scores, "id"),
            "aupr_out": ranking.aupr(scores_id, scores, "ood"),
        }
        for name, scores in scores_ood.items()
    }
    for group in dict.fromkeys(groups.values()):
        members = [table[name] for name in scores_ood if groups[name] == group]
        table[f"{group}_mean"] = {
            metric: float(np.mean([member[metric] for member in members]))
            for metric in members[0]
        }
    return table


def _softmax(logits: np.ndarray) -> np.ndarray:
    return _as_numpy(keras.ops.softmax(logits, axis=-1))


def _as_numpy(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)
