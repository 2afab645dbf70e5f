"""`include`, `exclude` and `overrides` by name, expression and predicate."""

import keras
import pytest
from keras import layers

import keras_moon as km
from keras_moon.conversion.candidates import find_candidates
from keras_moon.conversion.selection import in_groups
from keras_moon.conversion.selection import select
from keras_moon.layers.tree import walk

ALL = ["stem", "one/conv", "one/separable/pointwise_kernel", "two/conv", "out"]
DEPTHWISE = ["one/separable/depthwise_kernel", "two/depth"]


@pytest.fixture
def model():
    one = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(3, 1, name="conv"),
            layers.SeparableConv2D(3, 1, name="separable"),
        ],
        name="one",
    )
    two = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(3, 1, name="conv"),
            layers.DepthwiseConv2D(3, name="depth"),
            layers.Flatten(),
        ],
        name="two",
    )
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(3, 1, name="stem"),
            one,
            two,
            layers.Dense(4, name="frozen", trainable=False),
            layers.Dense(4, name="out"),
        ]
    )


def choose(model, include=None, exclude=None, overrides=None):
    candidates, untreatable = find_candidates(model)
    chosen, by_path, listed = select(
        candidates, untreatable, dict(walk(model)), include, exclude, overrides
    )
    return [c.path for c in chosen], by_path, list(listed)


@pytest.mark.parametrize(
    ("include", "expected", "listed"),
    [
        (None, ALL, ["frozen"]),
        ("stem", ["stem"], []),
        (["stem", "out"], ["stem", "out"], []),
        (".*conv", ["one/conv", "two/conv"], []),
        ("two/.*", ["two/conv", "two/depth"], []),
        (
            "one/separable",
            ["one/separable/depthwise_kernel", ALL[2]],
            [],
        ),
        ("one/separable/pointwise_kernel", [ALL[2]], []),
        ("out|frozen", ["out"], ["frozen"]),
        (lambda layer: isinstance(layer, layers.Dense), ["out"], ["frozen"]),
        (lambda layer: layer.name == "depth", ["two/depth"], []),
    ],
)
def test_include(model, include, expected, listed):
    assert choose(model, include) == (expected, {}, listed)


@pytest.mark.parametrize(
    ("exclude", "left_out", "listed"),
    [
        ("stem", ["stem"], ["frozen"]),
        (["frozen", "o.*"], [ALL[1], ALL[2], "out"], []),
        ("one/separable", [ALL[2]], ["frozen"]),
        (lambda layer: isinstance(layer, layers.Dense), ["out"], []),
    ],
)
def test_exclude(model, exclude, left_out, listed):
    expected = [path for path in ALL if path not in left_out]
    assert choose(model, exclude=exclude) == (expected, {}, listed)


def test_exclude_wins_over_include(model):
    assert choose(model, ".*conv", "two/conv")[0] == ["one/conv"]


def test_overrides_by_name_and_expression(model):
    chosen, by_path, _ = choose(
        model, overrides={"stem": 0.1, ".*conv": 0.2, "two/conv": 0.3}
    )
    assert chosen == ALL
    assert by_path == {"stem": 0.1, "one/conv": 0.2, "two/conv": 0.3}


def test_overrides_ask_for_kernels_left_dense(model):
    chosen, by_path, _ = choose(model, "out", overrides={"two/depth": 0.1})
    assert chosen == ["two/depth", "out"]
    assert by_path == {"two/depth": 0.1}
    _, by_path, _ = choose(model, overrides={"one/separable": 0.3})
    assert by_path == {DEPTHWISE[0]: 0.3, ALL[2]: 0.3}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"include": "frozen"}, "`include`.*'frozen'.*frozen"),
        ({"include": ["out", "froz.*"]}, "`include`.*'froz"),
        ({"overrides": {"frozen": 0.5}}, "`overrides`.*'frozen'.*frozen"),
        ({"include": "nothing"}, "`include` must match.*'nothing'"),
        ({"exclude": ["stem", "x.*"]}, "`exclude` must match.*'x"),
        ({"overrides": {"y.*": 0.5}}, "`overrides` must match.*'y"),
        ({"include": "("}, "`include` must hold.*valid"),
        (
            {"overrides": {".*conv": 0.5, "two.*": 0.4}},
            "`overrides` choose layer 'two/conv' and disagree",
        ),
        (
            {"overrides": {"stem": 0.5}, "exclude": "s.*"},
            "'stem' is both in `overrides` and left out",
        ),
    ],
)
def test_what_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        choose(model, **options)


def test_an_expression_may_override_what_is_excluded(model):
    _, by_path, _ = choose(model, exclude="two.*", overrides={".*conv": 0.5})
    assert by_path == {"one/conv": 0.5}


def test_patterns_of_the_wrong_type(model):
    with pytest.raises(TypeError, match="`include`.*3"):
        choose(model, [3])


def test_many_layers_are_counted_and_few_are_named():
    frozen = {f"base/block/conv{i}": "it is frozen" for i in range(6)}
    few = {f"head/dense{i}": "it is shared" for i in range(5)}
    assert in_groups({**frozen, "base/odd": "it is quantized", **few}) == (
        "6 layers under 'base': it is frozen; base/odd: it is quantized; "
        + "; ".join(f"head/dense{i}: it is shared" for i in range(5))
    )
    top = {f"dense{i}": "it is frozen" for i in range(6)}
    assert in_groups(top) == "6 layers: it is frozen"


def test_a_frozen_base_gives_a_short_warning():
    base = keras.Sequential(
        [keras.Input((4,)), *[keras.layers.Dense(4) for _ in range(8)]],
        name="base",
    )
    base.trainable = False
    model = keras.Sequential([base, keras.layers.Dense(4)])
    with pytest.warns(UserWarning, match="8 layers under 'base'") as caught:
        sparse = km.sparsify(model, sparsity=0.5)
    (warning,) = caught
    assert len(str(warning.message)) < 300
    assert "`exclude`" in str(warning.message)
    notes = [row.note for row in km.summary(sparse, print_fn=None).rows]
    assert sum("frozen" in note for note in notes) == 8
