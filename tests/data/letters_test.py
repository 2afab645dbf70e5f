import string

import matplotlib
import numpy as np
import pytest
from PIL import Image

from keras_moon.data import letters
from keras_moon.data.digits import digit_images


@pytest.fixture(scope="module")
def digits():
    return digit_images()[0][..., 0]


@pytest.fixture(scope="module")
def rendered(digits):
    num_pairs = len(letters.LETTERS) * len(letters.FONTS)
    return letters.render_letters(digits, num_pairs, np.random.default_rng(0))


def test_alphabet():
    groups = letters.LETTERS + letters.LOOKALIKES + letters.ILLEGIBLE
    assert sorted(groups) == sorted(string.ascii_letters)
    for lookalike in "OoIlZzSsBbGgq":
        assert lookalike in letters.LOOKALIKES


def test_every_pair_is_drawn_once_before_any_is_repeated(rendered):
    images, drawn = rendered
    assert images.shape == (len(drawn), 8, 8)
    found, counts = np.unique(drawn, return_counts=True)
    assert "".join(found) == "".join(sorted(letters.LETTERS))
    assert set(counts) == {len(letters.FONTS)}
    assert len(np.unique(images, axis=0)) == len(images)


def test_more_letters_than_pairs(digits):
    num_pairs = len(letters.LETTERS) * len(letters.FONTS)
    rng = np.random.default_rng(0)
    images, _ = letters.render_letters(digits, num_pairs + 40, rng)
    assert len(np.unique(images, axis=0)) == num_pairs + 40


def test_random_generator_decides(digits):
    first, same, other = (
        letters.render_letters(digits, 30, np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_ink_and_frame_are_those_of_the_digit(digits):
    # Inks one 4 x 8 half of the image: 32 of 64 pixels, columns 2 to 5.
    half = np.zeros((1, 8, 8))
    half[:, :, 2:6] = 1.0
    half[:, 0, 1] = half[:, 0, 6] = 0.25  # 6 columns, the outer ones partly
    images, _ = letters.render_letters(half, 60, np.random.default_rng(0))
    ink = images.mean(axis=(1, 2))
    # The frame holds (4 + 0.5) * 8 pixels; the digit inks 32.5 of its 36.
    np.testing.assert_allclose(ink, 32.5 / 64, atol=1e-9)
    assert not images[:, :, [0, 7]].any()
    assert images[:, :, [1, 6]].max() <= 0.25


def test_letters_fill_the_height_of_the_digits(rendered):
    images, _ = rendered
    assert images[:, 0].any(axis=-1).all() and images[:, 7].any(axis=-1).all()


def test_letters_keep_their_shape(rendered):
    # A nearest-centroid reader tells the letters apart, far above the chance
    # of 1 in 22 (capital and small C, K, P, V, X are one shape in this frame).
    images, drawn = rendered
    names = np.char.upper(drawn)
    names = np.where(np.isin(drawn, list("aedh")), drawn, names)
    rng = np.random.default_rng(0)
    test = rng.random(len(names)) < 0.3
    classes = np.unique(names)
    centroids = np.stack(
        [images[~test & (names == c)].mean(axis=0) for c in classes]
    )
    distance = ((images[test][:, None] - centroids) ** 2).sum(axis=(2, 3))
    read = classes[distance.argmin(axis=1)]
    assert np.mean(read == names[test]) > 0.7


def test_stroke_weight_is_exact():
    glyph = np.zeros((20, 20))
    glyph[8:12] = 255
    for num_inked in (0, 40, 80, 81, 200, 400):
        inked = letters._with_ink(glyph, num_inked)
        assert inked.sum() == num_inked
    # Strokes grow on both sides and are thinned from both sides.
    rows = np.flatnonzero(letters._with_ink(glyph, 160).all(axis=1))
    assert rows.tolist() == list(range(6, 14))
    rows = np.flatnonzero(letters._with_ink(glyph, 40).all(axis=1))
    assert rows.tolist() == [9, 10]


def test_crop():
    image = Image.fromarray(np.uint8(np.pad(np.full((3, 2), 200), 4)))
    assert letters._crop(image).size == (2, 3)


def test_missing_fonts(monkeypatch, tmp_path):
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(FileNotFoundError, match="Missing: DejaVuSans, .*PyPI"):
        letters.render_letters(np.ones((1, 8, 8)), 1, np.random.default_rng(0))
