import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_moon.sparsity import UpdateRule


@st.composite
def rules(draw):
    begin = draw(st.integers(0, 60))
    return UpdateRule(
        every_steps=draw(st.integers(1, 40)),
        begin_step=begin,
        stop_step=begin + draw(st.integers(0, 120)),
    )


def due_steps(rule):
    """The definition, by search."""
    return [
        step
        for step in range(1, rule.stop_step + 1)
        if step >= rule.begin_step
        and (step - rule.begin_step) % rule.every_steps == 0
    ]


class TestLastDue:
    @pytest.mark.parametrize(
        ("rule", "steps"),
        [
            (UpdateRule(100, stop_step=350), [100, 200, 300]),
            (UpdateRule(100, stop_step=300), [100, 200, 300]),
            (UpdateRule(100, stop_step=299), [100, 200]),
            (UpdateRule(100, stop_step=99), []),
            (UpdateRule(10, begin_step=25, stop_step=50), [25, 35, 45]),
            (UpdateRule(10, begin_step=1, stop_step=21), [1, 11, 21]),
            (UpdateRule(10, begin_step=7, stop_step=7), [7]),
            (UpdateRule(1, stop_step=3), [1, 2, 3]),
            (UpdateRule(5, begin_step=0, stop_step=0), []),
        ],
    )
    def test_step_by_step(self, rule, steps):
        seen = [rule.last_due(t - 1, t) for t in range(1, 400)]
        assert [t for t in seen if t is not None] == steps
        assert rule.num_updates() == len(steps)

    @given(rules(), st.integers(0, 250), st.integers(0, 250))
    def test_against_brute_force(self, rule, one, other):
        previous, current = sorted((one, other))
        crossed = [t for t in due_steps(rule) if previous < t <= current]
        expected = crossed[-1] if crossed else None
        assert rule.last_due(previous, current) == expected

    @given(rules(), st.integers(1, 13))
    def test_same_updates_in_leaps(self, rule, leap):
        # steps_per_execution: each update is seen in the leap that crosses
        # it, and only the last of several.
        seen = []
        for step in range(0, 260, leap):
            due = rule.last_due(step, step + leap)
            if due is not None:
                assert step < due <= step + leap
                seen.append(due)
        steps = due_steps(rule)
        assert set(seen) <= set(steps)
        if leap <= rule.every_steps:
            assert seen == steps

    @given(rules())
    def test_num_updates_counts_them(self, rule):
        assert rule.num_updates() == len(due_steps(rule))

    def test_no_step_twice(self):
        rule = UpdateRule(10, stop_step=100)
        assert rule.last_due(9, 10) == 10
        assert rule.last_due(10, 10) is None
        assert rule.last_due(10, 11) is None

    def test_before_the_first_batch(self):
        # A loop that starts its count below 0 sees no update at step 0.
        assert UpdateRule(10, stop_step=100).last_due(-1, 0) is None

    def test_backwards(self):
        with pytest.raises(ValueError, match="previous_step=7, current_step=6"):
            UpdateRule(10, stop_step=100).last_due(7, 6)


class TestProgress:
    @pytest.mark.parametrize(
        ("step", "expected"),
        [(0, 0.0), (100, 0.0), (150, 0.25), (200, 0.5), (300, 1.0), (9999, 1)],
    )
    def test_hand_computed(self, step, expected):
        rule = UpdateRule(10, begin_step=100, stop_step=300)
        assert rule.progress(step) == expected

    def test_only_one_update(self):
        # An update that is first and last replaces the full fraction.
        rule = UpdateRule(10, begin_step=5, stop_step=5)
        assert [rule.progress(t) for t in (4, 5, 6)] == [0.0, 0.0, 1.0]

    @given(rules())
    def test_increases_within_unit_interval(self, rule):
        values = [rule.progress(t) for t in range(200)]
        assert values == sorted(values)
        assert 0.0 <= values[0] and values[-1] <= 1.0


class TestResolve:
    @pytest.mark.parametrize(
        ("fraction", "total", "stop"),
        [
            (None, 32_000, 24_000),
            (0.75, 1_000, 750),
            (0.75, 10, 7),
            (1.0, 10, 10),
            (0.29, 100, 29),  # 0.29 * 100 is 28.999999999999996
            (0.7, 10, 7),
            (1e-3, 100, 0),
        ],
    )
    def test_fraction_of_training(self, fraction, total, stop):
        rule = UpdateRule(10, stop_fraction=fraction).resolve(total)
        assert rule == UpdateRule(10, stop_step=stop)
        assert rule.stop_fraction is None
        assert isinstance(rule.stop_step, int)

    def test_stop_step_needs_no_total(self):
        rule = UpdateRule(10, begin_step=3, stop_step=40)
        assert rule.resolve(None) is rule
        assert rule.resolve(20) is rule

    def test_the_rule_itself_stays(self):
        rule = UpdateRule()
        rule.resolve(100)
        assert rule == UpdateRule(stop_fraction=0.75)
        assert rule.stop_step is None

    def test_unknown_length(self):
        with pytest.raises(
            ValueError, match="stop_fraction=0.5.*unknown.*Pass `stop_step`"
        ):
            UpdateRule(stop_fraction=0.5).resolve(None)

    def test_begin_after_the_end(self):
        with pytest.raises(
            ValueError, match="begin_step=800.*0.75 of 1000 .*step 750"
        ):
            UpdateRule(begin_step=800).resolve(1000)

    @pytest.mark.parametrize("total", [0, -1])
    def test_total_must_be_positive(self, total):
        with pytest.raises(ValueError, match=f"total_steps={total}"):
            UpdateRule().resolve(total)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda rule: rule.last_due(0, 1),
            lambda rule: rule.progress(1),
            lambda rule: rule.num_updates(),
        ],
    )
    def test_unresolved_rule_answers_nothing(self, ask):
        with pytest.raises(
            ValueError, match=r"stop_fraction=0.75.*resolve\(total_steps\)"
        ):
            ask(UpdateRule())


class TestAsValue:
    @pytest.mark.parametrize(
        "rule",
        [
            UpdateRule(),
            UpdateRule(50, begin_step=7, stop_fraction=0.5),
            UpdateRule(50, begin_step=7, stop_step=70),
        ],
        ids=repr,
    )
    def test_keras_round_trip(self, rule):
        config = keras.saving.serialize_keras_object(rule)
        assert config["registered_name"] == "keras_moon>UpdateRule"
        restored = keras.saving.deserialize_keras_object(config)
        assert restored == rule
        assert hash(restored) == hash(rule)

    def test_immutable(self):
        with pytest.raises(AttributeError, match="every_steps"):
            UpdateRule().every_steps = 5

    def test_numpy_integers_become_integers(self):
        rule = UpdateRule(np.int64(5), np.int32(2), stop_step=np.int64(9))
        assert rule == UpdateRule(5, 2, 9)
        assert {type(value) for value in rule.get_config().values()} == {
            int,
            type(None),
        }


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"every_steps": 0}, "`every_steps` .*at least 1.*=0"),
            ({"every_steps": -5}, "every_steps=-5"),
            ({"begin_step": -1}, "`begin_step` .*at least 0.*=-1"),
            ({"stop_step": -1}, "`stop_step` .*at least 0.*=-1"),
            (
                {"begin_step": 10, "stop_step": 9},
                "stop_step=9 and begin_step=10",
            ),
            (
                {"stop_step": 9, "stop_fraction": 0.75},
                "not both.*stop_step=9 and stop_fraction=0.75",
            ),
            ({"stop_fraction": 0.0}, r"in \(0, 1\].*0.0"),
            ({"stop_fraction": 1.5}, "1.5.*pass `stop_step`"),
            ({"stop_fraction": float("nan")}, "nan"),
        ],
    )
    def test_values(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            UpdateRule(**arguments)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"every_steps": 2.5}, r"`every_steps`.*2\.5 \(of type float\)"),
            ({"begin_step": "3"}, "`begin_step`.*'3'"),
            ({"stop_step": True}, r"`stop_step`.*True \(of type bool\)"),
            ({"every_steps": None}, "NoneType"),
        ],
    )
    def test_types(self, arguments, message):
        with pytest.raises(TypeError, match=message):
            UpdateRule(**arguments)
