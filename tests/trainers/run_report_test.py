import statistics

import pytest

from tests.trainers.tiny import tiny_config
from trainers.run_directory import RunDirectory
from trainers.run_report import describe
from trainers.run_report import result_table
from trainers.run_report import summarize


def entry(seed, accuracy, auroc):
    detection = {"auroc": auroc, "fpr95": 1.0 - auroc}
    sets = dict.fromkeys(
        ("noise", "near_letters", "far_mean", "near_mean"), detection
    )
    return {
        "seed": seed,
        "accuracy": accuracy,
        "ece": 0.01,
        "nll": 0.2,
        "brier": 0.1,
        "ood_groups": {"near_letters": "near", "noise": "far"},
        "ood": {"msp": sets},
        "parameters": 2000,
        "nonzeros": 1100,
        "density": 0.5,
        "flops": 5e6,
        "dense_flops": 2e7,
        "training_flops_fraction": 0.3,
        "layers": [{"name": "a", "size": 2000, "nonzeros": 1000}],
    }


METRICS = [entry(0, 0.9, 0.7), entry(1, 0.98, 0.9)]


def run_of(*arguments):
    return RunDirectory("place", "digits", tiny_config("place", *arguments))


def test_summary_is_mean_and_deviation_of_every_number():
    content = summarize(METRICS, run_of().config)
    assert content["num_seeds"] == 2
    assert content["positive"] == "ood"
    assert content["seeds"] == METRICS
    summary = content["summary"]
    assert summary["accuracy"]["mean"] == pytest.approx(0.94)
    assert summary["accuracy"]["std"] == pytest.approx(
        statistics.stdev([0.9, 0.98])
    )
    assert summary["ood"]["msp"]["noise"]["fpr95"]["mean"] == pytest.approx(0.2)
    assert not {"seed", "layers", "ood_groups"} & summary.keys()


def test_one_seed_has_no_deviation():
    summary = summarize(METRICS[:1], run_of().config)["summary"]
    assert summary["accuracy"] == {"mean": 0.9, "std": None}


def test_the_table_has_every_number_in_its_place():
    text = result_table(METRICS, run_of("--positive=id")).to_markdown()
    for line in (
        "**digits, rigl, sparsity 0.9 erk**",
        "| Test set | Accuracy (%) ↑ | 94.00 ± 5.66 |",
        "|  | ECE (%) ↓ | 1.00 |",
        "| Near unknowns | near letters: AUROC (%) ↑ | 80.00 ± 14.14 |",
        "|  | mean: FPR95 (%) ↓ | 20.00 ± 14.14 |",
        "| Far unknowns | noise: AUROC (%) ↑ | 80.00 ± 14.14 |",
        "|  | Nonzeros | 1,100 |",
        "|  | Inference (MFLOPs) | 5.000 |",
        "|  | Inference (% of dense) | 25.00 |",
        "|  | Training (% of dense) | 30.00 |",
        "AUROC and FPR95 detect the known samples (OpenOOD v1.0).",
        "Files: place",
    ):
        assert line in text
    assert "over 2 seeds" in text
    one = result_table(METRICS[:1], run_of()).to_markdown()
    assert "One seed: no standard deviations." in one


def test_titles():
    assert describe(run_of("--method=dense")) == "digits, dense"
    sparse = run_of("--method=set", "--sparsity=0.5", "--distribution=er")
    assert describe(sparse) == "digits, set, sparsity 0.5 er"
