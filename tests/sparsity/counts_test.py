import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_moon.sparsity import layer_nonzeros
from keras_moon.sparsity import num_nonzeros
from keras_moon.sparsity import uniform

SIZES = st.integers(1, 10**7)
SPARSITIES = st.floats(0.0, 1.0, exclude_max=True)


class TestNumNonzeros:
    @pytest.mark.parametrize(
        ("size", "sparsity", "rounding", "expected"),
        [
            # 25 * 0.9 = 22.5 zeros.
            (25, 0.9, "floor", 3),
            (25, 0.9, "ceil", 2),
            (25, 0.9, "round", 3),  # half to even: 22 zeros
            (35, 0.9, "round", 3),  # 31.5 -> 32 zeros
            (10, 0.0, "floor", 10),
            (10, 0.99, "floor", 1),
            (10, 0.99, "ceil", 1),  # 10 zeros would leave none
            (1, 0.999, "ceil", 1),
            (4, 0.999, "round", 1),
            (1728, 0.8, "floor", 346),
            (1728, 0.8, "ceil", 345),
            # The product in double precision decides, as in RigL's code:
            # 0.29 * 100 is 28.999999999999996.
            (100, 0.29, "floor", 72),
            # 0.55 * 100 is 55.00000000000001.
            (100, 0.55, "ceil", 44),
        ],
    )
    def test_hand_computed(self, size, sparsity, rounding, expected):
        assert num_nonzeros(size, sparsity, rounding) == expected

    def test_floor_is_the_default(self):
        assert num_nonzeros(25, 0.9) == num_nonzeros(25, 0.9, "floor")

    @given(SIZES, SPARSITIES)
    def test_numpy_rounds_the_zeros_alike(self, size, sparsity):
        for rounding, function in [
            ("floor", np.floor),
            ("ceil", np.ceil),
            ("round", np.round),
        ]:
            expected = max(1, size - int(function(sparsity * size)))
            assert num_nonzeros(size, sparsity, rounding) == expected

    @given(SIZES, SPARSITIES)
    def test_bounds_and_order_of_roundings(self, size, sparsity):
        ceil, nearest, floor = (
            num_nonzeros(size, sparsity, rounding)
            for rounding in ("ceil", "round", "floor")
        )
        assert 1 <= ceil <= nearest <= floor <= size
        assert floor - ceil <= 1

    @given(SIZES, SPARSITIES, SPARSITIES)
    def test_monotone_in_sparsity(self, size, one, other):
        low, high = sorted((one, other))
        assert num_nonzeros(size, low) >= num_nonzeros(size, high)

    def test_numpy_numbers_are_accepted(self):
        count = num_nonzeros(np.int64(25), np.float64(0.9))
        assert count == 3
        assert type(count) is int

    @pytest.mark.parametrize("size", [0, -3])
    def test_size_must_be_positive(self, size):
        with pytest.raises(ValueError, match=f"at least 1.*size={size}"):
            num_nonzeros(size, 0.5)

    def test_size_must_be_an_integer(self):
        with pytest.raises(TypeError, match="float"):
            num_nonzeros(2.5, 0.5)

    @pytest.mark.parametrize("sparsity", [-0.1, 1.0, float("nan"), 1e9])
    def test_sparsity_out_of_range(self, sparsity):
        with pytest.raises(
            ValueError, match=r"`sparsity` must be in \[0, 1\).*one weight"
        ):
            num_nonzeros(10, sparsity)

    def test_percentage_is_recognized(self):
        with pytest.raises(ValueError, match="95.*for 95% pass 0.95"):
            num_nonzeros(10, 95)

    @pytest.mark.parametrize("sparsity", [None, "much", [0.5]])
    def test_sparsity_of_wrong_type(self, sparsity):
        with pytest.raises(TypeError, match=r"a number in \[0, 1\)"):
            num_nonzeros(10, sparsity)

    def test_unknown_rounding(self):
        with pytest.raises(ValueError, match="'floor', .*'up'"):
            num_nonzeros(10, 0.5, rounding="up")


class TestLayerNonzeros:
    def test_hand_computed(self):
        shapes = {"a": (3, 3, 3, 64), "b": (100,), "c": (4, 4)}
        densities = {"c": 1.0, "a": 0.2, "b": 0.015}
        assert layer_nonzeros(shapes, densities) == {
            "a": 346,
            "b": 2,
            "c": 16,
        }
        assert list(layer_nonzeros(shapes, densities)) == ["a", "b", "c"]
        assert layer_nonzeros(shapes, densities, "ceil")["a"] == 345

    def test_one_weight_stays_at_any_density(self):
        assert layer_nonzeros({"a": (3, 3)}, {"a": 1e-30}) == {"a": 1}

    @given(SIZES, st.integers(0, 9999))
    def test_decimal_sparsity_survives_the_density(self, size, thousandths):
        # 1 - (1 - 0.1) < 0.1 would lose a zero when floored.
        sparsity = thousandths / 10000
        shapes = {"layer": (size,)}
        densities = uniform(shapes, sparsity)
        for rounding in ("floor", "ceil", "round"):
            counts = layer_nonzeros(shapes, densities, rounding)
            assert counts["layer"] == num_nonzeros(size, sparsity, rounding)

    @given(SIZES, st.floats(0.5, 1.0, exclude_max=True))
    def test_any_sparsity_above_half_survives(self, size, sparsity):
        # 1 - sparsity is exact there.
        shapes = {"layer": (size,)}
        counts = layer_nonzeros(shapes, uniform(shapes, sparsity))
        assert counts["layer"] == num_nonzeros(size, sparsity)

    @given(SIZES, st.floats(1e-9, 1.0))
    def test_no_layer_gets_less_than_its_density(self, size, density):
        count = layer_nonzeros({"layer": (size,)}, {"layer": density})["layer"]
        assert count >= density * size - 1e-6
        assert count <= math.ceil(density * size + 1e-6)

    def test_keys_must_agree(self):
        with pytest.raises(ValueError, match=r"in shapes: \['b'\].*\['c'\]"):
            layer_nonzeros({"a": (2,), "b": (2,)}, {"a": 0.5, "c": 0.5})

    @pytest.mark.parametrize("density", [0.0, -0.5, 90, float("nan")])
    def test_density_out_of_range(self, density):
        with pytest.raises(
            ValueError, match=rf"\(0, 1\].*{density} for layer 'conv'.*is 0.1"
        ):
            layer_nonzeros({"conv": (2,)}, {"conv": density})
