import io
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from keras_moon.report import ResultTable
from keras_moon.report import mean_std


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9))
def test_mean_and_sample_deviation(values):
    result = mean_std(values)
    assert result.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert result.std == pytest.approx(np.std(values, ddof=1), abs=1e-6)


def test_one_value_has_no_deviation():
    assert mean_std([3]) == (3.0, None)
    with pytest.raises(ValueError, match="at least one"):
        mean_std([])


def filled():
    table = ResultTable("title", notes=["a note"])
    table.add("Test", "Accuracy (%)", [96.0, 98.0], ".2f", better="higher")
    table.add("Test", "NLL (nats)", [0.5, 0.5], better="lower")
    table.add("Size", "Nonzeros", [1234, 1234], ",.0f")
    return table


def test_markdown():
    std = statistics.stdev([96.0, 98.0])
    assert filled().to_markdown() == (
        "**title**\n\n| | Metric | Result |\n|---|---|---|\n"
        f"| Test | Accuracy (%) ↑ | 97.00 ± {std:.2f} |\n"
        "|  | NLL (nats) ↓ | 0.5000 |\n"
        "| Size | Nonzeros | 1,234 |\n\na note"
    )


def test_prints_every_row_and_note():
    stream = io.StringIO()
    filled().print(Console(file=stream, width=100))
    text = stream.getvalue()
    for expected in (
        "title",
        "97.00 ± 1.41",
        "NLL (nats) ↓",
        "1,234",
        "a note",
    ):
        assert expected in text
    assert text.count("Test") == 1


def test_wrong_direction():
    with pytest.raises(ValueError, match="better='up' for 'Accuracy'"):
        ResultTable("t").add("s", "Accuracy", [1.0], better="up")
