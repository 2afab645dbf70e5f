import math

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_moon.sparsity import ConstantDropFraction
from keras_moon.sparsity import CosineDropFraction
from keras_moon.sparsity import ExponentialDropFraction
from keras_moon.sparsity import UpdateRule
from keras_moon.sparsity.schedules import DropFraction

FRACTIONS = st.floats(0.0, 1.0)
ALL = [
    ConstantDropFraction(0.2),
    CosineDropFraction(0.4),
    ExponentialDropFraction(0.5, power=3.0),
]


class TestValues:
    @pytest.mark.parametrize(
        ("schedule", "expected"),
        [
            (ConstantDropFraction(0.3), [0.3, 0.3, 0.3, 0.3, 0.3]),
            # 0.15 * (1 + cos) with cos = 1, sqrt(1/2), 0, -sqrt(1/2), -1.
            (
                CosineDropFraction(0.3),
                [0.3, 0.2560660172, 0.15, 0.0439339828, 0.0],
            ),
            (ExponentialDropFraction(0.3), [0.3, 0.225, 0.15, 0.075, 0.0]),
            (
                ExponentialDropFraction(0.32, power=3),
                [0.32, 0.135, 0.04, 0.005, 0.0],
            ),
            (
                ExponentialDropFraction(1.0, power=0.5),
                [1.0, 0.8660254038, 0.7071067812, 0.5, 0.0],
            ),
        ],
    )
    def test_hand_computed(self, schedule, expected):
        values = [schedule(x) for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
        assert values == pytest.approx(expected, abs=1e-10)

    def test_cosine_over_the_steps_of_a_rule(self):
        # RigL: alpha / 2 * (1 + cos(pi * t / T_end)).
        rule = UpdateRule(every_steps=100, stop_step=25_000)
        schedule = CosineDropFraction(0.3)
        for step in (100, 8_300, 12_500, 24_900, 25_000):
            expected = 0.15 * (1 + math.cos(step * math.pi / 25_000))
            assert schedule(rule.progress(step)) == pytest.approx(expected)

    @given(FRACTIONS, FRACTIONS, FRACTIONS, st.floats(0.1, 10.0))
    def test_falls_from_the_fraction_and_stays_a_fraction(
        self, fraction, one, other, power
    ):
        early, late = sorted((one, other))
        for schedule in (
            ConstantDropFraction(fraction),
            CosineDropFraction(fraction),
            ExponentialDropFraction(fraction, power=power),
        ):
            assert schedule(0.0) == fraction
            assert fraction >= schedule(early) >= schedule(late) >= 0.0

    def test_defaults(self):
        assert ConstantDropFraction() == ConstantDropFraction(0.3)
        assert CosineDropFraction() == CosineDropFraction(0.3)
        assert ExponentialDropFraction() == ExponentialDropFraction(0.3, 1.0)


class TestAsValues:
    @pytest.mark.parametrize("schedule", ALL, ids=repr)
    def test_keras_round_trip(self, schedule):
        config = keras.saving.serialize_keras_object(schedule)
        assert config["registered_name"].startswith("keras_moon>")
        restored = keras.saving.deserialize_keras_object(config)
        assert type(restored) is type(schedule)
        assert restored == schedule
        assert hash(restored) == hash(schedule)
        assert restored(0.3) == schedule(0.3)

    @pytest.mark.parametrize("schedule", ALL, ids=repr)
    def test_config_names_every_argument(self, schedule):
        config = schedule.get_config()
        assert type(schedule).from_config(config) == schedule
        assert f"{config['fraction']}" in repr(schedule)

    def test_equality_sees_kind_and_arguments(self):
        assert ConstantDropFraction(0.3) != CosineDropFraction(0.3)
        assert CosineDropFraction(0.3) != CosineDropFraction(0.2)
        assert ExponentialDropFraction(0.3, 1.0) != ExponentialDropFraction(
            0.3, 2.0
        )

    @pytest.mark.parametrize("schedule", ALL, ids=repr)
    def test_immutable(self, schedule):
        with pytest.raises(AttributeError, match="fraction"):
            schedule.fraction = 0.1


class TestErrors:
    @pytest.mark.parametrize("schedule", ALL, ids=repr)
    @pytest.mark.parametrize("fraction", [-0.1, 1.1, 30, float("nan")])
    def test_fraction_out_of_range(self, schedule, fraction):
        with pytest.raises(
            ValueError,
            match=rf"in \[0, 1\].*{fraction} for {type(schedule).__name__}",
        ):
            type(schedule)(fraction)

    @pytest.mark.parametrize("schedule", ALL, ids=repr)
    @pytest.mark.parametrize("progress", [-0.01, 1.01, float("nan"), 250])
    def test_progress_out_of_range(self, schedule, progress):
        with pytest.raises(
            ValueError, match=rf"progress={progress} for .*UpdateRule.progress"
        ):
            schedule(progress)

    @pytest.mark.parametrize("power", [0.0, -1.0, math.inf, math.nan])
    def test_power_out_of_range(self, power):
        with pytest.raises(
            ValueError, match=f"positive.*power={power}.*ConstantDropFraction"
        ):
            ExponentialDropFraction(0.3, power=power)

    def test_subclass_must_decay(self):
        with pytest.raises(NotImplementedError, match="DropFraction must"):
            DropFraction(0.3)(0.5)
