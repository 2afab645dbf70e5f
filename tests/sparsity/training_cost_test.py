import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_moon.sparsity import mean_inference_flops
from keras_moon.sparsity import training_flops

FLOPS = st.floats(1.0, 1e12)


class TestTrainingFlops:
    @pytest.mark.parametrize(
        ("method", "numbers", "expected"),
        [
            ("dense", {}, 300.0),
            ("static", {"sparse_flops": 20.0}, 60.0),
            ("set", {"sparse_flops": 20.0}, 60.0),
            ("snfs", {"sparse_flops": 20.0}, 140.0),
            # (3 * 20 * 9 + 2 * 20 + 100) / 10
            ("rigl", {"sparse_flops": 20.0, "update_freq": 9}, 68.0),
            # An update at every step: half of the steps are dense in W.
            ("rigl", {"sparse_flops": 20.0, "update_freq": 1}, 100.0),
            ("gmp", {"mean_flops": 56.0}, 168.0),
            ("acdc", {"mean_flops": 28.0}, 84.0),
        ],
    )
    def test_hand_computed(self, method, numbers, expected):
        assert training_flops(method, 100.0, **numbers) == expected

    @given(FLOPS, st.floats(0.0, 1.0), st.integers(1, 10**6))
    def test_order_of_methods(self, dense, density, update_freq):
        sparse = dense * density
        costs = [
            training_flops(method, dense, sparse, update_freq=update_freq)
            for method in ("static", "rigl", "snfs", "dense")
        ]
        for cheaper, dearer in zip(costs, costs[1:], strict=False):
            assert cheaper <= dearer * (1 + 1e-12)
        assert costs[0] == training_flops("set", dense, sparse)

    @given(FLOPS)
    def test_without_sparsity_all_cost_the_same(self, flops):
        for method in ("static", "set", "rigl", "snfs", "gmp", "acdc"):
            assert training_flops(
                method, flops, sparse_flops=flops, mean_flops=flops
            ) == pytest.approx(training_flops("dense", flops))

    def test_unknown_method(self):
        with pytest.raises(ValueError, match="'dense', .*method='RigL'"):
            training_flops("RigL", 1.0, 1.0)

    @pytest.mark.parametrize(
        ("method", "missing"),
        [
            ("static", "sparse_flops"),
            ("set", "sparse_flops"),
            ("rigl", "sparse_flops"),
            ("snfs", "sparse_flops"),
            ("gmp", "mean_flops"),
            ("acdc", "mean_flops"),
        ],
    )
    def test_missing_number(self, method, missing):
        with pytest.raises(
            ValueError, match=f"'{method}' needs `{missing}`.*{missing}=None"
        ):
            training_flops(method, 1.0)

    def test_negative_number(self):
        with pytest.raises(ValueError, match="dense_flops=-1"):
            training_flops("dense", -1.0)
        with pytest.raises(ValueError, match="sparse_flops=-2"):
            training_flops("set", 1.0, -2.0)

    @pytest.mark.parametrize("update_freq", [0, -100])
    def test_update_freq(self, update_freq):
        with pytest.raises(ValueError, match=f"update_freq={update_freq}"):
            training_flops("rigl", 1.0, 0.1, update_freq=update_freq)


class TestMeanInferenceFlops:
    def test_acdc_schedule(self):
        # 100 epochs: dense 0-10 and every second five after it, as published
        # for ResNet-50 at 90%: dense in 10 + 6 * 5 + 10 of 100 epochs.
        phases = [(10, 1.0)]
        for _ in range(6):
            phases += [(5, 0.2), (5, 1.0)]
        phases += [(5, 0.2), (10, 1.0), (15, 0.2)]
        assert sum(duration for duration, _ in phases) == 100
        assert mean_inference_flops(phases) == pytest.approx(0.5 + 0.5 * 0.2)

    def test_gradual_pruning_by_step(self):
        # Four steps dense, four on the cubic ramp, two at 80% sparsity, and
        # FLOPs in proportion to density.
        ramp = [0.8 - 0.8 * (1 - x / 4) ** 3 for x in range(4)]
        phases = [(4, 1.0), *((1, 1 - s) for s in ramp), (2, 0.2)]
        # Sum of (1 - x/4)^3 over x = 0..3: (64 + 27 + 8 + 1) / 64.
        expected = (4 + 4 * 0.2 + 0.8 * 100 / 64 + 0.4) / 10
        assert mean_inference_flops(phases) == pytest.approx(expected)

    def test_any_iterable(self):
        assert mean_inference_flops((1, x) for x in (1.0, 3.0)) == 2.0

    @pytest.mark.parametrize("phases", [[(-1, 1.0), (2, 1.0)], [(1, -1.0)]])
    def test_negative(self, phases):
        with pytest.raises(ValueError, match="not be negative.*-1"):
            mean_inference_flops(phases)

    @pytest.mark.parametrize("phases", [[], [(0, 1.0)]])
    def test_no_duration(self, phases):
        with pytest.raises(ValueError, match="more than 0"):
            mean_inference_flops(phases)
