import dataclasses

import numpy as np
import pytest
from sklearn import datasets

from keras_moon.data import Digits
from keras_moon.data import Split
from keras_moon.data import load_digits
from keras_moon.data.digits import digit_images

PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def digits():
    return load_digits(seed=0)


def rows(split):
    """Images and labels as comparable rows of whole numbers."""
    flat = np.rint(split.x.reshape(len(split), -1) * 16).astype(int)
    return np.concatenate([flat, split.y[:, None]], axis=1)


def test_shapes_types_and_range(digits):
    assert [len(getattr(digits, p)) for p in PARTS] == [1167, 180, 450]
    for part in PARTS:
        split = getattr(digits, part)
        assert split.x.shape == (len(split), 8, 8, 1)
        assert split.x.dtype == np.float32 and split.y.dtype == np.int32
        assert split.x.min() == 0.0 and split.x.max() == 1.0
    assert digits.num_classes == 10 and digits.image_shape == (8, 8, 1)


def test_splits_are_a_partition_of_the_data(digits):
    bunch = datasets.load_digits()
    expected = np.concatenate([bunch.data, bunch.target[:, None]], axis=1)
    found = np.concatenate([rows(getattr(digits, p)) for p in PARTS])
    # The 1797 images are all different, so equality of the sorted rows means
    # that no image is lost and none is in two splits.
    assert len(np.unique(expected, axis=0)) == 1797
    np.testing.assert_array_equal(
        found[np.lexsort(found.T)], expected[np.lexsort(expected.T)]
    )


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_stratified(seed):
    digits = load_digits(seed=seed)
    shares = np.bincount(digit_images()[1]) / 1797
    for part in PARTS:
        counts = np.bincount(getattr(digits, part).y, minlength=10)
        assert np.abs(counts - shares * counts.sum()).max() <= 1.0


def test_seed_decides():
    first, same, other = (load_digits(seed=s) for s in (3, np.int64(3), 4))
    for part in PARTS:
        np.testing.assert_array_equal(
            rows(getattr(first, part)), rows(getattr(same, part))
        )
        assert not np.array_equal(
            rows(getattr(first, part)), rows(getattr(other, part))
        )


def test_global_random_state_is_neither_read_nor_moved():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first = load_digits(seed=1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.random.seed(99)
    np.testing.assert_array_equal(first.train.y, load_digits(seed=1).train.y)


def test_fractions():
    digits = load_digits(validation_fraction=0.2, test_fraction=0.5)
    assert [len(getattr(digits, p)) for p in PARTS] == [538, 360, 899]


def test_frozen(digits):
    with pytest.raises(dataclasses.FrozenInstanceError):
        digits.train = digits.test
    with pytest.raises(ValueError, match="read-only"):
        digits.train.x[0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        digits.test.y[0] = 0


@pytest.mark.parametrize("name", ["validation_fraction", "test_fraction"])
@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, 25, float("nan"), "0.1"])
def test_fraction_errors(name, wrong):
    with pytest.raises(ValueError, match=rf"`{name}`.*\(0, 1\).*{name}="):
        load_digits(**{name: wrong})


@pytest.mark.parametrize("fractions", [(0.6, 0.4), (0.001, 0.2), (0.1, 0.899)])
def test_splits_too_small(fractions):
    with pytest.raises(ValueError, match="at least 10 images.*1797 images"):
        load_digits(0, *fractions)


def test_seed_errors():
    with pytest.raises(ValueError, match="`seed`.*between 0.*seed=-1"):
        load_digits(seed=-1)
    with pytest.raises(ValueError, match="`seed`.*seed=4294967296"):
        load_digits(seed=2**32)
    with pytest.raises(TypeError, match="`seed`.*integer.*1.5.*float"):
        load_digits(seed=1.5)


def test_split_errors():
    with pytest.raises(ValueError, match=r"same number.*\(3, 2\).*\(2,\)"):
        Split(np.zeros((3, 2)), np.zeros(2, int))
    with pytest.raises(ValueError, match=r"same number.*\(3, 2\).*\(3, 1\)"):
        Split(np.zeros((3, 2)), np.zeros((3, 1), int))


def test_digits_take_any_images():
    split = Split(np.zeros((2, 4, 5, 3)), np.array([0, 1]))
    assert Digits(split, split, split, 2).image_shape == (4, 5, 3)
