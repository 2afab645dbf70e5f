"""The counter-based generator against its NumPy twin and chi-square tables."""

import numpy as np
import pytest
from keras import ops

from keras_moon.functional.random_bits import fold_key
from keras_moon.functional.random_bits import uniform


def draw(shape, *parts):
    return ops.convert_to_numpy(uniform(shape, fold_key(*parts)))


def finalize(h):
    """MurmurHash3's 32-bit finalizer on Python integers."""
    h ^= h >> 16
    h = h * 0x85EBCA6B & 0xFFFFFFFF
    h ^= h >> 13
    h = h * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def test_the_finalizer_of_the_reference_has_its_published_values():
    assert finalize(0) == 0
    assert finalize(1) == 0x514E28B7


@pytest.mark.parametrize("parts", [(0, 0, 0), (7, 3, 100), (2**40, 1, 2)])
def test_numbers_equal_those_of_plain_integers(parts):
    first, second = (int(word) for word in fold_key(*parts))
    expected = []
    for i in range(50):
        h = finalize((i * 0x9E3779B9 + first) & 0xFFFFFFFF)
        expected.append((finalize(h ^ second) >> 8) / 2**24)
    numbers = draw((5, 10), *parts)
    assert numbers.dtype == np.float32
    assert numbers.ravel().tolist() == expected


def test_numbers_are_the_same_on_every_backend_for_ever():
    # Masks of published runs depend on them.
    key = np.array([1, 2], "uint32")
    numbers = ops.convert_to_numpy(uniform((3,), key)) * 2**24
    assert numbers.tolist() == PINNED
    assert fold_key(0, 3, 100).tolist() == PINNED_KEY


PINNED = [3046860.0, 16163999.0, 3388419.0]
PINNED_KEY = [3459659645, 4180000919]


@pytest.mark.parametrize("parts", [(0, 0, 0), (0, 0, 1), (1, 0, 0), (12, 5, 9)])
def test_numbers_are_uniform(parts):
    numbers = draw((100_000,), *parts)
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    counts, _ = np.histogram(numbers, bins=100, range=(0, 1))
    # 99 degrees of freedom: beyond 160 has a probability below 1e-4.
    assert np.sum((counts - 1000.0) ** 2 / 1000.0) < 160
    # So are pairs of neighbours.
    pairs = np.histogram2d(numbers[::2], numbers[1::2], bins=10)[0]
    assert np.sum((pairs - 500.0) ** 2 / 500.0) < 160


def test_seeds_layers_and_steps_draw_independent_numbers():
    streams = [
        draw((10_000,), *parts)
        for parts in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2))
    ]
    correlation = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlation).max() < 0.05


def test_numbers_depend_on_the_position_alone():
    assert np.array_equal(draw((6,), 1).reshape(2, 3), draw((2, 3), 1))
    assert np.array_equal(draw((1000,), 1)[:10], draw((10,), 1))


def test_shapes_without_and_with_one_element():
    assert draw((0, 4), 0).shape == (0, 4)
    assert draw((), 0).shape == ()


def test_keys_tell_apart_what_is_different():
    different = [
        (),
        (0,),
        (0, 0),
        (0, 0, 0),
        (1,),
        (1, 0),
        (0, 1),
        (2**32,),
        (2**32, 0),
    ]
    keys = {tuple(fold_key(*parts).tolist()) for parts in different}
    assert len(keys) == len(different)


def test_keys_take_numpy_integers():
    assert np.array_equal(fold_key(np.int32(5), np.int64(1)), fold_key(5, 1))


@pytest.mark.parametrize("part", [-1, 2**64])
def test_keys_refuse_what_is_not_64_bits(part):
    with pytest.raises(ValueError, match=rf"\(0, {part}\)"):
        fold_key(0, part)
