"""Initial masks and the small helpers around one kernel."""

import keras
import numpy as np
import pytest

from keras_moon.layers.masked_kernel import MaskedKernel
from keras_moon.layers.masked_kernel import check_mask
from keras_moon.layers.masked_kernel import random_mask
from keras_moon.layers.masked_kernel import read
from keras_moon.layers.masked_kernel import zero_masked
from tests.layers import parity


@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_random_masks_have_the_exact_count(count):
    mask = random_mask((2, 3, 4), count, seed=[0, 1])
    assert mask.shape == (2, 3, 4)
    assert mask.dtype == bool
    assert mask.sum() == count


def test_random_masks_choose_every_place_equally_often():
    total = sum(
        random_mask((20,), 5, seed=[seed, 0]).astype(int)
        for seed in range(2000)
    )
    # 500 expected; chi-square with 19 degrees of freedom and a variance of
    # 0.75 per place: beyond 45 has a probability below 1e-4.
    assert np.sum((total - 500.0) ** 2 / (500.0 * 0.75)) * 19 / 20 < 45


def test_random_masks_follow_the_seed():
    first = random_mask((10, 10), 50, seed=[1, 0])
    assert np.array_equal(first, random_mask((10, 10), 50, seed=[1, 0]))
    for other in ([2, 0], [1, 1]):
        assert not np.array_equal(first, random_mask((10, 10), 50, other))


@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
def test_masks_are_checked(shape):
    mask = np.array([[True, False, True], [False, True, False]])
    check_mask(mask, (2, 3), 3, "It")
    message = r"It must have 4 .*: 3 active connections and the shape \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        check_mask(mask, shape, 4, "It")


def make_kernel(target):
    kernel = keras.Variable(np.arange(1.0, 7.0).reshape(2, 3))
    mask = np.zeros(6, bool)
    mask[:target] = True
    mask = keras.Variable(mask.reshape(2, 3), dtype="bool", trainable=False)
    return MaskedKernel("kernel", kernel, mask, None, target)


def test_masked_weights_are_set_to_zero():
    masked = make_kernel(4)
    zero_masked(masked)
    assert parity.array(masked.kernel).tolist() == [[1, 2, 3], [4, 0, 0]]


def test_size_and_density():
    assert make_kernel(4).size == 6
    assert not make_kernel(4).is_dense
    assert make_kernel(6).is_dense


def test_reading_autocasts_inside_an_autocast_scope():
    variable = keras.Variable(np.ones((2, 2)), dtype="float32")
    assert keras.backend.standardize_dtype(read(variable).dtype) == "float32"
    layer = keras.layers.Dense(2, dtype="mixed_bfloat16")
    layer.build((None, 2))
    seen = []
    layer.call = lambda x: seen.append(read(layer.kernel).dtype) or x
    layer(np.ones((1, 2)))
    assert keras.backend.standardize_dtype(seen[0]) == "bfloat16"
