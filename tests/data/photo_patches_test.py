import numpy as np
import pytest
from sklearn import datasets

from keras_moon.data import photo_patches as module
from keras_moon.data.photo_patches import photo_patches


@pytest.fixture(scope="module")
def patches():
    return photo_patches(80, 8, np.random.default_rng(0))


def test_shape_range_and_contrast(patches):
    assert patches.shape == (80, 8, 8)
    assert patches.min() >= 0.0 and patches.max() <= 1.0
    assert patches.std(axis=(1, 2)).min() >= module.MIN_CONTRAST


def test_patches_are_in_the_photographs_at_every_scale(patches):
    photos = [
        image @ [0.299, 0.587, 0.114] / 255
        for image in datasets.load_sample_images().images
    ]
    # Two photographs take turns within each of the four scales.
    for index, scale in enumerate([1, 1, 2, 2, 4, 4, 8, 8]):
        photo = photos[index % 2]
        shrunk = np.mean(
            [
                photo[
                    i : photo.shape[0] // scale * scale : scale,
                    j : photo.shape[1] // scale * scale : scale,
                ]
                for i in range(scale)
                for j in range(scale)
            ],
            axis=0,
        )
        windows = np.lib.stride_tricks.sliding_window_view(shrunk, (8, 8))
        errors = np.abs(windows - patches[index]).max(axis=(2, 3))
        assert errors.min() < 1e-12


def test_random_generator_decides(patches):
    same = photo_patches(80, 8, np.random.default_rng(0))
    np.testing.assert_array_equal(patches, same)
    other = photo_patches(80, 8, np.random.default_rng(1))
    assert not np.array_equal(patches, other)


def test_shrink_averages_and_drops_the_rest():
    image = np.arange(15.0).reshape(3, 5)
    np.testing.assert_array_equal(module._shrink(image, 2), [[3.0, 5.0]])
    np.testing.assert_array_equal(module._shrink(image, 1), image)
