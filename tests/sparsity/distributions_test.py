import itertools
import math

import pytest
from hypothesis import assume
from hypothesis import given
from hypothesis import strategies as st

from keras_moon.sparsity import distribution
from keras_moon.sparsity import erdos_renyi
from keras_moon.sparsity import erdos_renyi_kernel
from keras_moon.sparsity import layer_nonzeros
from keras_moon.sparsity import num_nonzeros
from keras_moon.sparsity import uniform
from tests.sparsity.networks import resnet18_cifar
from tests.sparsity.networks import resnet50
from tests.sparsity.networks import shapes_of
from tests.sparsity.reference_erk import reference_erk

DIMS = st.integers(1, 64)
SHAPES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4),
    st.lists(DIMS, min_size=2, max_size=4).map(tuple),
    min_size=1,
    max_size=8,
)
SPARSITIES = st.floats(0.0, 0.999)
POWERS = st.sampled_from([0.0, 0.5, 1.0, 1.5, 3.0])


def budget_of(shapes, sparsity):
    return sum(num_nonzeros(math.prod(s), sparsity) for s in shapes.values())


class TestHandComputed:
    def test_erk_without_saturation(self):
        # Budget: 0.1 * (10000 + 2000) = 1200 weights. Scores: 200 / 10000
        # and 120 / 2000, times sizes: 200 and 120. Scale 1200 / 320 = 3.75.
        shapes = {"a": (100, 100), "b": (100, 20)}
        assert erdos_renyi_kernel(shapes, 0.9) == pytest.approx(
            {"a": 0.075, "b": 0.225}
        )

    def test_erk_saturates_in_two_rounds(self):
        # Sizes 4, 100, 10000; half of all: 2 + 50 + 5000 = 5052. Scores
        # times sizes are the sums 4, 20, 200. Round 1: scale 5052 / 224 =
        # 22.55, "a" needs 22.55. Round 2: (5052 - 4) / 220 = 22.95, "b"
        # needs 22.95 * 0.2 = 4.6. Round 3: 4948 / 200 = 24.74, "c" gets
        # 24.74 * 0.02.
        shapes = {"c": (100, 100), "a": (2, 2), "b": (10, 10)}
        densities = erdos_renyi_kernel(shapes, 0.5)
        assert densities == {"c": pytest.approx(0.4948), "a": 1.0, "b": 1.0}
        assert list(densities) == ["c", "a", "b"]

    def test_tied_maxima_become_dense_together(self):
        # Sizes 16, 16, 400; budget 5 + 5 + 120 = 130 at 0.7. Scores 0.5,
        # 0.5, 0.1: scale 130 / 56 = 2.32, both 4x4 layers need 1.16.
        shapes = {"a": (4, 4), "b": (4, 4), "c": (20, 20)}
        assert budget_of(shapes, 0.7) == 130
        assert erdos_renyi_kernel(shapes, 0.7) == {
            "a": 1.0,
            "b": 1.0,
            "c": pytest.approx((130 - 32) / 400),
        }

    def test_er_ignores_the_window(self):
        # Scores (16 + 32) / 512 for both; ERK would see the window.
        shapes = {"conv": (3, 3, 16, 32), "dense": (16, 32)}
        densities = erdos_renyi(shapes, 0.9)
        assert densities["conv"] == densities["dense"]
        assert densities["dense"] == pytest.approx(
            budget_of(shapes, 0.9) / (10 * 512)
        )
        kernel = erdos_renyi_kernel(shapes, 0.9)
        assert kernel["conv"] < kernel["dense"]

    def test_erk_on_matrices_is_er(self):
        shapes = {"a": (300, 100), "b": (100, 100), "c": (100, 10)}
        assert erdos_renyi_kernel(shapes, 0.8) == erdos_renyi(shapes, 0.8)

    def test_uniform(self):
        shapes = {"a": (3, 3, 3, 8), "b": (8, 10)}
        assert uniform(shapes, 0.75) == {"a": 0.25, "b": 0.25}

    @pytest.mark.parametrize(
        ("rounding", "budget"), [("floor", 5 + 81), ("ceil", 4 + 80)]
    )
    def test_rounding_of_the_budget(self, rounding, budget):
        # At 0.81, 20.25 of 25 and 344.25 of 425 weights are zeros.
        shapes = {"a": (5, 5), "b": (17, 25)}
        for function in (erdos_renyi, erdos_renyi_kernel):
            densities = function(shapes, 0.81, rounding=rounding)
            spent = 25 * densities["a"] + 425 * densities["b"]
            assert spent == pytest.approx(budget)
        densities = uniform(shapes, 0.81, dense=["a"], rounding=rounding)
        assert densities["b"] == pytest.approx((budget - 25) / 425)

    def test_vectors_have_a_score_of_one(self):
        densities = erdos_renyi_kernel({"v": (8,), "m": (40, 40)}, 0.9)
        assert densities["v"] == 1.0

    @pytest.mark.parametrize(
        "function", [uniform, erdos_renyi, erdos_renyi_kernel]
    )
    def test_sparsity_zero_is_dense(self, function):
        shapes = shapes_of(resnet18_cifar())
        assert set(function(shapes, 0.0).values()) == {1.0}


class TestOverridesAndDense:
    SHAPES = {"conv1": (3, 3, 3, 16), "conv2": (3, 3, 16, 32), "fc": (32, 10)}

    @pytest.mark.parametrize(
        "function", [uniform, erdos_renyi, erdos_renyi_kernel]
    )
    def test_overrides_leave_the_budget(self, function):
        densities = function(self.SHAPES, 0.9, overrides={"conv1": 0.25})
        assert densities.pop("conv1") == 0.75
        rest = {n: s for n, s in self.SHAPES.items() if n != "conv1"}
        assert densities == function(rest, 0.9)

    @pytest.mark.parametrize(
        "function", [uniform, erdos_renyi, erdos_renyi_kernel]
    )
    def test_overrides_by_expression(self, function):
        densities = function(
            self.SHAPES, 0.9, overrides={r"conv\d": 0.5, "conv1": 0.0}
        )
        assert (densities["conv1"], densities["conv2"]) == (1.0, 0.5)

    @pytest.mark.parametrize(
        "function", [uniform, erdos_renyi, erdos_renyi_kernel]
    )
    def test_all_overridden(self, function):
        densities = function(self.SHAPES, 0.9, overrides={".*": 0.5})
        assert densities == dict.fromkeys(self.SHAPES, 0.5)

    @pytest.mark.parametrize(
        "function", [uniform, erdos_renyi, erdos_renyi_kernel]
    )
    def test_dense_layers_stay_in_the_budget(self, function):
        densities = function(self.SHAPES, 0.75, dense=["conv1"])
        assert densities["conv1"] == 1.0
        assert sum(
            density * math.prod(self.SHAPES[name])
            for name, density in densities.items()
        ) == pytest.approx(budget_of(self.SHAPES, 0.75), rel=1e-12)

    def test_uniform_shares_the_price_of_dense_layers(self):
        # Sizes 432, 4608, 320; budget 108 + 1152 + 80 = 1340.
        densities = uniform(self.SHAPES, 0.75, dense=["conv1"])
        assert densities["conv2"] == densities["fc"]
        assert densities["fc"] == pytest.approx((1340 - 432) / (4608 + 320))

    def test_dense_by_expression_equals_the_reference(self):
        shapes = shapes_of(resnet50())
        dense = {name for name in shapes if name.endswith("shortcut")}
        assert erdos_renyi_kernel(
            shapes, 0.8, dense=[".*shortcut"]
        ) == pytest.approx(reference_erk(shapes, 0.8, dense=dense), rel=1e-9)

    def test_every_layer_dense_at_sparsity_zero(self):
        assert erdos_renyi_kernel(self.SHAPES, 0.0, dense=[".*"]) == (
            dict.fromkeys(self.SHAPES, 1.0)
        )

    @pytest.mark.parametrize(
        "function", [uniform, erdos_renyi, erdos_renyi_kernel]
    )
    def test_dense_layers_exceed_the_budget(self, function):
        with pytest.raises(
            ValueError,
            match=r"0\.9 leaves 537 of 5360 .*\['conv2'\], which hold 4608 "
            r"and leave nothing for \['conv1', 'fc'\]\. Lower the sparsity",
        ):
            function(self.SHAPES, 0.9, dense=["conv2"])

    def test_dense_layers_use_up_the_budget(self):
        # 100 of 200 weights stay, and "a" holds all of them.
        with pytest.raises(ValueError, match=r"nothing for \['b'\]"):
            erdos_renyi_kernel({"a": (10, 10), "b": (100,)}, 0.5, dense=["a"])

    def test_all_dense_is_not_sparse(self):
        with pytest.raises(ValueError, match=r"leaves 537 of 5360"):
            erdos_renyi_kernel(self.SHAPES, 0.9, dense=[".*"])

    def test_overridden_and_dense(self):
        with pytest.raises(ValueError, match=r"\['fc'\] in both"):
            erdos_renyi_kernel(
                self.SHAPES, 0.9, overrides={"fc": 0.5}, dense=["fc"]
            )


class TestInvariants:
    @given(SHAPES, SPARSITIES, POWERS)
    def test_erk_equals_the_reference(self, shapes, sparsity, power):
        assert erdos_renyi_kernel(
            shapes, sparsity, power=power
        ) == pytest.approx(reference_erk(shapes, sparsity, power), rel=1e-9)

    @given(SHAPES, SPARSITIES, POWERS)
    def test_budget_met_and_densities_valid(self, shapes, sparsity, power):
        budget = budget_of(shapes, sparsity)
        for densities in (
            erdos_renyi(shapes, sparsity),
            erdos_renyi_kernel(shapes, sparsity, power=power),
        ):
            assert list(densities) == list(shapes)
            assert all(0.0 < d <= 1.0 for d in densities.values())
            spent = sum(
                d * math.prod(shapes[name]) for name, d in densities.items()
            )
            assert spent == pytest.approx(budget, rel=1e-12)

    @given(SHAPES, SPARSITIES)
    def test_counts_exceed_the_budget_by_less_than_the_layers(
        self, shapes, sparsity
    ):
        counts = layer_nonzeros(shapes, erdos_renyi_kernel(shapes, sparsity))
        excess = sum(counts.values()) - budget_of(shapes, sparsity)
        assert 0 <= excess <= len(shapes)

    @given(SHAPES, SPARSITIES, POWERS, st.data())
    def test_order_of_layers_is_irrelevant(self, shapes, sparsity, power, data):
        items = data.draw(st.permutations(list(shapes.items())))
        assert erdos_renyi_kernel(
            dict(items), sparsity, power=power
        ) == erdos_renyi_kernel(shapes, sparsity, power=power)
        assert erdos_renyi(dict(items), sparsity) == erdos_renyi(
            shapes, sparsity
        )

    @given(SHAPES, SPARSITIES)
    def test_power_zero_is_uniform(self, shapes, sparsity):
        densities = set(erdos_renyi_kernel(shapes, sparsity, power=0).values())
        assert len(densities) == 1
        # The budget counts whole weights, so the common density is above
        # 1 - S by less than one weight per layer.
        size = sum(math.prod(shape) for shape in shapes.values())
        excess = densities.pop() - uniform(shapes, sparsity).popitem()[1]
        assert -1e-12 <= excess <= len(shapes) / size + 1e-12

    @given(SHAPES, SPARSITIES)
    def test_denser_layers_have_higher_scores(self, shapes, sparsity):
        densities = erdos_renyi_kernel(shapes, sparsity)
        scores = {n: sum(s) / math.prod(s) for n, s in shapes.items()}
        for one, other in itertools.combinations(shapes, 2):
            if scores[one] == scores[other]:
                assert densities[one] == densities[other]
            elif scores[one] > scores[other]:
                assert densities[one] >= densities[other]

    @given(SHAPES, SPARSITIES, st.data())
    def test_forced_dense_layers(self, shapes, sparsity, data):
        dense = data.draw(st.lists(st.sampled_from(sorted(shapes))))
        held = sum(math.prod(shapes[name]) for name in set(dense))
        budget = budget_of(shapes, sparsity)
        assume(held < budget)
        densities = erdos_renyi_kernel(shapes, sparsity, dense=dense)
        assert all(densities[name] == 1.0 for name in dense)
        assert densities == pytest.approx(
            reference_erk(shapes, sparsity, dense=dense), rel=1e-9
        )


class TestErrors:
    @pytest.mark.parametrize(
        "function", [uniform, erdos_renyi, erdos_renyi_kernel]
    )
    def test_shared_arguments(self, function):
        shapes = {"conv1": (3, 3, 3, 16), "fc": (16, 10)}
        with pytest.raises(ValueError, match="95.*for 95% pass 0.95"):
            function(shapes, 95)
        with pytest.raises(ValueError, match="at least one layer"):
            function({}, 0.9)
        with pytest.raises(ValueError, match=r"\(3, 0\) for layer 'fc'"):
            function({"fc": (3, 0)}, 0.9)
        with pytest.raises(ValueError, match=r"\(\) for layer 'fc'"):
            function({"fc": ()}, 0.9)
        with pytest.raises(
            ValueError, match=r"The override of layer 'fc' .*1\.0"
        ):
            function(shapes, 0.9, overrides={"fc": 1.0})
        with pytest.raises(
            ValueError, match=r"`overrides`.*'fc2'.*\['conv1', 'fc'\]"
        ):
            function(shapes, 0.9, overrides={"fc2": 0.5})
        with pytest.raises(ValueError, match="`rounding`.*'up'"):
            function(shapes, 0.9, rounding="up")
        with pytest.raises(ValueError, match="`dense`.*'fc2'"):
            function(shapes, 0.9, dense=["fc2"])
        with pytest.raises(TypeError, match=r"`dense`.*Pass \['fc'\]"):
            function(shapes, 0.9, dense="fc")

    def test_er_needs_two_dimensions(self):
        with pytest.raises(ValueError, match=r"\(8,\) for layer 'v'.*'erk'"):
            erdos_renyi({"v": (8,), "m": (4, 4)}, 0.9)
        densities = erdos_renyi(
            {"v": (8,), "m": (4, 4)}, 0.5, overrides={"v": 0.0}
        )
        assert densities == {"v": 1.0, "m": 0.5}

    @pytest.mark.parametrize("power", [-1.0, math.inf, math.nan])
    def test_power_out_of_range(self, power):
        with pytest.raises(ValueError, match=f"`power`.*power={power}"):
            erdos_renyi_kernel({"m": (4, 4)}, 0.9, power=power)

    @pytest.mark.parametrize("power", [150.0, 1e6])
    def test_power_so_large_that_a_density_vanishes(self, power):
        with pytest.raises(
            ValueError, match=r"'b' .*\(1000, 1000\).*smaller `power`"
        ):
            erdos_renyi_kernel(
                {"b": (1000, 1000), "a": (50, 50)}, 0.999, power=power
            )


class TestDistribution:
    @pytest.mark.parametrize(
        ("name", "function"),
        [
            ("uniform", uniform),
            ("er", erdos_renyi),
            ("erdos_renyi", erdos_renyi),
            ("erk", erdos_renyi_kernel),
            ("erdos_renyi_kernel", erdos_renyi_kernel),
        ],
    )
    def test_names(self, name, function):
        assert distribution(name) is function

    def test_unknown(self):
        with pytest.raises(ValueError, match="'er', .*'uniform'.*'ERK'"):
            distribution("ERK")
