import pytest

from keras_moon.report import mask_changes


def history(scale):
    return [
        {
            "epoch": epoch,
            "changed_connections": scale * epoch,
            "explored_fraction": 0.1 + 0.01 * epoch,
            "density": 0.1,
        }
        for epoch in (1, 2)
    ]


def test_draws_the_logs_and_their_mean():
    figure = mask_changes([history(10), history(30)], title="Moves")
    changes, explored = figure.axes
    drawn = {line.get_label(): line.get_ydata() for line in changes.lines}
    assert drawn["grown connections (mean of 2)"].tolist() == [20.0, 40.0]
    labels = [text.get_text() for text in explored.get_legend().get_texts()]
    assert labels == [
        "ever active, $R_s$ (mean of 2)",
        "active, density (mean of 2)",
    ]
    assert figure.get_suptitle() == "Moves"


def test_a_dense_history_is_refused():
    with pytest.raises(ValueError, match=r"explored_fraction.*SparsityLogger"):
        mask_changes([[{"epoch": 1, "density": 1.0}]])
