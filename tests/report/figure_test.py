import pytest

from keras_moon.report import figure as look


def a_figure():
    figure, axes = look.new_figure(1, 2)
    for panel in axes[0]:
        panel.plot([0, 1], [1, 0], label="line")
        look.label_panel(panel, "Time (s)", "Loss (nats)", "Panel")
        look.add_legend(panel)
    look.title_figure(figure, "Title")
    return figure


def test_saves_both_formats_and_the_directory(tmp_path):
    paths = look.save_figure(a_figure(), tmp_path / "new" / "plot.v2")
    assert [path.name for path in paths] == ["plot.v2.png", "plot.v2.pdf"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert paths[1].read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("index", [0, 1])
def test_equal_figures_give_equal_files(tmp_path, index):
    first = look.save_figure(a_figure(), tmp_path / "a")[index]
    second = look.save_figure(a_figure(), tmp_path / "b")[index]
    assert first.read_bytes() == second.read_bytes()


def test_leaves_pyplot_alone():
    from matplotlib import pyplot

    before = pyplot.get_fignums(), dict(pyplot.rcParams)
    a_figure()
    assert (pyplot.get_fignums(), dict(pyplot.rcParams)) == before
