import numpy as np
import pytest

from keras_moon.report import training_curves


def history(offset=0.0, epochs=3):
    return [
        {
            "epoch": epoch,
            "loss": offset + 1.0 / epoch,
            "val_loss": offset + 2.0 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


def lines(panel):
    return {line.get_label(): line.get_xydata() for line in panel.lines}


def test_one_run_is_drawn_as_it_is():
    figure = training_curves([history()], {"loss": "Loss (nats)"})
    drawn = lines(figure.axes[0])
    assert set(drawn) == {"training", "validation"}
    np.testing.assert_allclose(
        drawn["training"], [[1, 1], [2, 1 / 2], [3, 1 / 3]]
    )


def test_several_runs_have_a_mean_line():
    runs = [history(0.0), history(1.0), history(5.0)]
    figure = training_curves(runs, {"loss": "Loss (nats)"})
    panel = figure.axes[0]
    assert len(panel.lines) == 2 * (3 + 1)
    mean = lines(panel)["training (mean of 3)"]
    np.testing.assert_allclose(mean[:, 1], 2.0 + 1.0 / mean[:, 0])


def test_the_mean_stops_with_the_shortest_run():
    runs = [history(epochs=2), history(epochs=5)]
    mean = lines(training_curves(runs, {"loss": "Loss"}).axes[0])
    assert mean["training (mean of 2)"][:, 0].tolist() == [1, 2]


def test_names_units_and_legend():
    rows = [{**row, "accuracy": 0.5} for row in history()]
    figure = training_curves([rows], title="A title")
    assert figure.get_suptitle() == "A title"
    assert [p.get_ylabel() for p in figure.axes] == ["Loss (nats)", "Accuracy"]
    assert [p.get_xlabel() for p in figure.axes] == ["Epoch", "Epoch"]
    assert all(panel.get_legend() for panel in figure.axes)
    assert set(lines(figure.axes[1])) == {"training"}


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match=r"'f1'.*'epoch', 'loss'"):
        training_curves([history()], {"f1": "F1"})
    with pytest.raises(ValueError, match="at least one"):
        training_curves([])
