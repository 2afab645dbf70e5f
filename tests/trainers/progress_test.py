import io

import pytest
from rich.console import Console

from trainers.progress import ProgressDisplay
from trainers.progress import describe

LOGS = {"loss": 0.25, "accuracy": 0.9, "changed_connections": 1234, "x": 1}


def shown(epochs, terminal):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120)
    with ProgressDisplay("seed 0", epochs, console) as display:
        for epoch in range(epochs):
            display.on_epoch_end(epoch, LOGS)
    return stream.getvalue()


def test_a_log_gets_a_few_lines():
    lines = shown(40, terminal=False).splitlines()
    assert len(lines) == 5
    assert lines[-1] == (
        "seed 0  epoch 40/40  loss 0.250  accuracy 0.900  moved 1,234"
    )


@pytest.mark.parametrize("epochs", [1, 3, 7])
def test_a_log_ends_with_the_last_epoch(epochs):
    last = shown(epochs, terminal=False).splitlines()[-1]
    assert f"epoch {epochs}/{epochs}" in last


def test_a_terminal_gets_a_bar():
    text = shown(3, terminal=True)
    assert "3/3" in text
    assert "loss 0.250" in text
    # The cursor is back.
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0


def test_the_terminal_is_left_as_it_was_found_after_an_error():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with pytest.raises(RuntimeError, match="no"):
        with ProgressDisplay("seed 0", 2, console):
            raise RuntimeError("no")
    assert stream.getvalue().rfind("\x1b[?25h") >= 0


def test_unknown_logs_are_left_out():
    assert describe({"val_accuracy": 0.5, "lr": 1}) == "validation 0.500"
