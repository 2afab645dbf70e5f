import itertools

import pytest

from keras_moon.sparsity.matching import match_names
from keras_moon.sparsity.matching import match_values

NAMES = ["conv1", "conv10", "block.conv", "fc"]


class TestMatchNames:
    @pytest.mark.parametrize(
        ("patterns", "expected"),
        [
            ([], set()),
            (["fc"], {"fc"}),
            (["conv1"], {"conv1"}),
            (["conv.*"], {"conv1", "conv10"}),
            (["conv"], None),  # fullmatch: no prefix
            (["block.conv"], {"block.conv"}),
            ([r"conv\d", "fc"], {"conv1", "fc"}),
            ([".*"], set(NAMES)),
        ],
    )
    def test_table(self, patterns, expected):
        if expected is None:
            with pytest.raises(ValueError, match="matches none of"):
                match_names(patterns, NAMES, "dense")
        else:
            assert match_names(patterns, NAMES, "dense") == expected

    def test_exact_name_is_no_expression(self):
        # As an expression "a.c" would match both.
        assert match_names(["a.c"], ["a.c", "abc"], "dense") == {"a.c"}

    def test_unknown_name_lists_the_layers(self):
        with pytest.raises(
            ValueError, match=r"`dense` .*'fc2'.*\['conv1', .*'fc'\]"
        ):
            match_names(["fc", "fc2"], NAMES, "dense")

    def test_one_string_is_not_a_sequence(self):
        with pytest.raises(TypeError, match=r"`dense`.*Pass \['fc'\]"):
            match_names("fc", NAMES, "dense")

    def test_invalid_expression(self):
        with pytest.raises(ValueError, match=r"'conv\('.*Known layers"):
            match_names(["conv("], NAMES, "dense")

    def test_pattern_must_be_a_string(self):
        with pytest.raises(TypeError, match=r"3 \(of type int\)"):
            match_names([3], NAMES, "dense")


class TestMatchValues:
    def test_none_and_empty(self):
        assert match_values(None, NAMES, "overrides") == {}
        assert match_values({}, NAMES, "overrides") == {}

    def test_exact_name_wins_whatever_the_order(self):
        values = {"conv.*": 0.5, "conv1": 0.0, "c.*1": 0.7}
        for items in itertools.permutations(values.items()):
            with_one_expression = {k: v for k, v in items if k != "c.*1"}
            assert match_values(with_one_expression, NAMES, "overrides") == {
                "conv1": 0.0,
                "conv10": 0.5,
            }
            # "c.*1" and "conv.*" disagree about conv1 only, which has a key
            # of its own.
            chosen = match_values(dict(items), NAMES, "overrides")
            assert chosen == {"conv1": 0.0, "conv10": 0.5}

    def test_expressions_may_agree(self):
        values = {"conv.*": 0.5, ".*1.*": 0.5}
        assert match_values(values, NAMES, "overrides") == {
            "conv1": 0.5,
            "conv10": 0.5,
        }

    def test_expressions_must_not_disagree(self):
        with pytest.raises(
            ValueError,
            match=r"layer 'conv1'.*'conv\.\*': 0\.5 and '\.\*1\.\*': 0\.6",
        ):
            match_values({"conv.*": 0.5, ".*1.*": 0.6}, NAMES, "overrides")

    def test_unknown_name_lists_the_layers(self):
        with pytest.raises(
            ValueError, match=r"`overrides` .*'fc2'.*\['conv1', .*'fc'\]"
        ):
            match_values({"fc2": 0.5}, NAMES, "overrides")

    def test_key_must_be_a_string(self):
        with pytest.raises(TypeError, match=r"0 \(of type int\)"):
            match_values({0: 0.5}, NAMES, "overrides")
