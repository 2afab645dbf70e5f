import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_moon.sparsity.budget import spend_budget

SHAPES = {"a": (10,), "b": (30,), "c": (60,)}


def spend(sparsity, scores, fixed=None, forced=(), rounding="floor"):
    return spend_budget(
        SHAPES, sparsity, rounding, fixed or {}, set(forced), scores
    )


class TestSpendBudget:
    def test_in_proportion_to_scores(self):
        # Half of 100 weights over 10 * 4 + 30 * 2 + 60 * 1 = 160 shares.
        scores = {"a": 4.0, "b": 2.0, "c": 1.0}
        share = 50 / 160
        # "a" would get 1.25: it saturates, and 40 are left for 120 shares.
        assert 4 * share > 1
        assert spend(0.5, scores) == pytest.approx(
            {"a": 1.0, "b": 2 / 3, "c": 1 / 3}
        )

    @given(st.floats(1e-200, 1e200))
    def test_only_the_ratio_of_scores_matters(self, factor):
        scores = {"a": 4.0, "b": 2.0, "c": 1.0}
        scaled = {name: score * factor for name, score in scores.items()}
        assert spend(0.7, scaled) == pytest.approx(
            spend(0.7, scores), rel=1e-12
        )

    @pytest.mark.parametrize(
        ("rounding", "left"), [("floor", 3 + 13), ("ceil", 2 + 12)]
    )
    def test_rounding_of_the_budget(self, rounding, left):
        # At 0.7834, 7.834 of 10 and 47.004 of 60 weights are zeros. The
        # shares are 10 * 1 + 60 * 0.1 = 16, so "a" is just dense or not.
        densities = spend_budget(
            {"a": (10,), "c": (60,)},
            0.7834,
            rounding,
            {},
            set(),
            {"a": 1.0, "c": 0.1},
        )
        assert densities == pytest.approx({"a": left / 16, "c": left / 160})

    def test_ties_saturate_together_in_any_order(self):
        # 50 weights over 10 + 30 + 0.6 shares: "a" and "b" need 1.23.
        for names in (("a", "b", "c"), ("c", "b", "a")):
            scores = {n: {"a": 1.0, "b": 1.0, "c": 0.01}[n] for n in names}
            assert spend(0.5, scores) == {
                "a": 1.0,
                "b": 1.0,
                "c": pytest.approx(10 / 60),
            }

    def test_fixed_layers_do_not_count(self):
        densities = spend(0.5, {"a": 1.0, "b": 1.0}, fixed={"c": 0.25})
        assert densities == {"a": 0.5, "b": 0.5, "c": 0.25}
        assert list(densities) == list(SHAPES)

    def test_forced_layers_count(self):
        scores = dict.fromkeys(SHAPES, 1.0)
        assert spend(0.5, scores, forced=["b"]) == {
            "a": pytest.approx(20 / 70),
            "b": 1.0,
            "c": pytest.approx(20 / 70),
        }

    def test_forced_layers_exceed_the_budget(self):
        with pytest.raises(
            ValueError, match=r"leaves 50 of 100 .*hold 60 .*\['a', 'b'\]"
        ):
            spend(0.5, dict.fromkeys(SHAPES, 1.0), forced=["c"])

    def test_vanishing_scores(self):
        with pytest.raises(ValueError, match=r"layer 'c'.*\(60,\)"):
            spend(0.5, {"a": 1.0, "b": 1.0, "c": 0.0})
        with pytest.raises(ValueError, match="smaller `power`"):
            spend(0.5, dict.fromkeys(SHAPES, 0.0))

    def test_sum_is_exact(self):
        densities = spend(0.37, {"a": 0.1, "b": 0.3, "c": 0.7})
        total = sum(d * math.prod(SHAPES[n]) for n, d in densities.items())
        # Zeros: floor(3.7) + floor(11.1) + floor(22.2).
        assert total == pytest.approx(100 - (3 + 11 + 22), rel=1e-14)
