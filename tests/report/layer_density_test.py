import pytest

from keras_moon.report import layer_density


def test_bars_and_the_total():
    figure = layer_density(
        {"conv": 50, "head": 1500}, {"conv": 100, "head": 10_000}, title="T"
    )
    panel = figure.axes[0]
    assert [bar.get_width() for bar in panel.patches] == [0.5, 0.15]
    assert [t.get_text() for t in panel.get_yticklabels()] == ["conv", "head"]
    assert [t.get_text() for t in panel.texts] == [
        "50 of 100",
        "1,500 of 10,000",
    ]
    total = panel.lines[0].get_xdata()[0]
    assert total == pytest.approx(1550 / 10_100)
    assert panel.get_xlabel().startswith("Density (fraction")
    assert panel.get_legend()
    assert figure.get_suptitle() == "T"


def test_grows_with_the_network():
    names = [f"layer{i}" for i in range(60)]
    sizes = dict.fromkeys(names, 10)
    tall = layer_density(sizes, sizes).get_figheight()
    assert tall > layer_density({"a": 1}, {"a": 1}).get_figheight() + 10


def test_layers_must_agree():
    with pytest.raises(ValueError, match=r"same layers.*\['a'\] and \['b'\]"):
        layer_density({"a": 1}, {"b": 1})
    with pytest.raises(ValueError, match="at least one"):
        layer_density({}, {})
