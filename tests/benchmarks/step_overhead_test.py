"""The benchmark runs and reports what it measured; no times are asserted."""

import argparse
import copy

import pytest

from benchmarks import measure
from benchmarks import step_overhead


@pytest.fixture
def options(monkeypatch):
    from benchmarks import small_resnet

    tiny = small_resnet.small_resnet
    monkeypatch.setattr(
        small_resnet,
        "small_resnet",
        lambda width: tiny(num_blocks=1, width=width),
    )
    return argparse.Namespace(
        batch_size=2,
        sparsity=0.5,
        num_rounds=1,
        steps_per_round=2,
        width=4,
        measure="time",
    )


def test_measures_every_method_and_reports_it(
    options, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    result = step_overhead.measure_time(options)
    assert set(result["steps"]) == set(step_overhead.METHODS)
    assert result["steps"]["dense"]["ratio"] == 1.0
    assert all(row["median_seconds"] > 0 for row in result["steps"].values())
    assert all(s > 0 for s in result["mask_update_seconds"].values())
    assert result["options"]["sparsity"] == 0.5

    result = copy.deepcopy(result)
    result["peak_memory_bytes"] = dict.fromkeys(step_overhead.METHODS, 2**20)
    step_overhead.report("some", result, options)
    printed = capsys.readouterr().out
    assert "RigL with its updates" in printed
    assert (tmp_path / "step_overhead_some.json").exists()


def test_mask_updates_are_timed_on_their_own(options):
    trainer = step_overhead.Trainer("rigl", options)
    trainer.seconds_per_step()
    assert trainer.callback.updater.num_updates == 0
    assert trainer.seconds_per_update(num_updates=3) > 0
    assert trainer.callback.updater.num_updates == 3
