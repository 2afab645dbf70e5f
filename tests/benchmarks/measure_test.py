"""The arithmetic of benchmarks; no times are asserted."""

import json

import pytest

from benchmarks import measure


def test_interleave_measures_every_side_in_every_round():
    order = []

    def side(name):
        order.append(name)
        return len(order)

    sides = {name: (lambda name=name: side(name)) for name in "abc"}
    measured = measure.interleave(sides, num_rounds=5)
    assert {name: len(values) for name, values in measured.items()} == {
        "a": 5,
        "b": 5,
        "c": 5,
    }
    rounds = [order[i : i + 3] for i in range(0, 15, 3)]
    assert all(sorted(names) == ["a", "b", "c"] for names in rounds)
    assert len({tuple(names) for names in rounds}) > 1


def test_ratio_of_medians_and_quartiles_by_hand():
    result = measure.ratio_to(
        {"base": [1.0, 2.0, 4.0], "side": [2.0, 2.0, 6.0]}, "base"
    )
    assert result["base"]["ratio"] == 1.0
    assert result["side"]["ratio"] == 1.0
    assert result["side"]["median_seconds"] == 2.0
    # Ratios within the rounds are 2, 1 and 1.5.
    assert result["side"]["ratio_q25"] == pytest.approx(1.25)
    assert result["side"]["ratio_q75"] == pytest.approx(1.75)


def test_results_carry_versions_and_hardware(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results")
    path = measure.write_result("claim", {"ratio": 1.5})
    content = json.loads(path.read_text())
    assert path.name == "claim.json"
    assert content["ratio"] == 1.5
    assert content["environment"]["versions"]["keras"]
    assert content["environment"]["num_cpus"] >= 1
