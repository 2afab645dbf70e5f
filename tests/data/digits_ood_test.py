import hashlib
import subprocess
import sys

import numpy as np
import pytest

from keras_moon.data import OODSet
from keras_moon.data import digits_ood_sets
from keras_moon.data import load_digits
from keras_moon.functional.ranking import auroc

NAMES = ["letters", "photographs", "uniform_noise", "gaussian_noise"]


@pytest.fixture(scope="module")
def sets():
    return digits_ood_sets(seed=0, num_samples=600)


@pytest.fixture(scope="module")
def known_images():
    return load_digits(seed=0).test.x


def test_names_groups_and_format(sets):
    assert list(sets) == NAMES
    assert [s.group for s in sets.values()] == ["near", "far", "far", "far"]
    for name, ood_set in sets.items():
        assert isinstance(ood_set, OODSet) and ood_set.name == name
        assert ood_set.x.shape == (600, 8, 8, 1)
        assert ood_set.x.dtype == np.float32
        assert ood_set.x.min() >= 0.0 and ood_set.x.max() <= 1.0
        assert ood_set.description and "\n" not in ood_set.description
        # The grey levels of the digits, and no image twice.
        np.testing.assert_array_equal(ood_set.x * 16, np.rint(ood_set.x * 16))
        assert len(np.unique(ood_set.x, axis=0)) > 590


def test_seed_decides_each_set(sets):
    same = digits_ood_sets(seed=0, num_samples=600)
    other = digits_ood_sets(seed=1, num_samples=600)
    for name in NAMES:
        np.testing.assert_array_equal(sets[name].x, same[name].x)
        assert not np.array_equal(sets[name].x, other[name].x)


def test_same_images_in_another_process(sets):
    code = (
        "import hashlib; from keras_moon.data import digits_ood_sets\n"
        "for s in digits_ood_sets(0, 600).values():\n"
        "    print(hashlib.sha256(s.x.tobytes()).hexdigest())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == [
        hashlib.sha256(s.x.tobytes()).hexdigest() for s in sets.values()
    ]


def test_letters_are_not_given_away_by_brightness_or_border(sets, known_images):
    def border(images):
        inner = images[:, 1:-1, 1:-1]
        return images.sum(axis=(1, 2, 3)) - inner.sum(axis=(1, 2, 3))

    statistics = {
        "mean": lambda images: images.mean(axis=(1, 2, 3)),
        "contrast": lambda images: images.std(axis=(1, 2, 3)),
        "black": lambda images: (images == 0.0).mean(axis=(1, 2, 3)),
        "white": lambda images: (images == 1.0).mean(axis=(1, 2, 3)),
        "border": border,
    }
    letters = sets["letters"].x
    for name, statistic in statistics.items():
        value = auroc(statistic(known_images), statistic(letters))
        assert 0.3 < value < 0.7, f"{name}: AUROC {value:.3f}"
    assert abs(letters.mean() - known_images.mean()) < 0.01
    assert abs(letters.std() - known_images.std()) < 0.02


def test_noise_is_what_it_says(sets):
    uniform = sets["uniform_noise"].x
    # Rounding to 17 levels keeps the mean; the ends hold half a level each.
    assert abs(uniform.mean() - 0.5) < 0.01
    assert abs((uniform == 0.0).mean() - 1 / 32) < 0.005
    gaussian = sets["gaussian_noise"].x
    # P(N(0.305, 0.376) < 1/32) and > 31/32, by the normal distribution.
    assert abs((gaussian == 0.0).mean() - 0.233) < 0.01
    assert abs((gaussian == 1.0).mean() - 0.039) < 0.005


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="at least 1.*num_samples=0"):
        digits_ood_sets(num_samples=0)
    with pytest.raises(TypeError, match="`num_samples`.*integer.*float"):
        digits_ood_sets(num_samples=10.0)
    with pytest.raises(ValueError, match="seed=-1"):
        digits_ood_sets(seed=-1)
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        digits_ood_sets(seed="0")


def test_any_size():
    for num_samples in (1, 7):
        for ood_set in digits_ood_sets(num_samples=num_samples).values():
            assert len(ood_set) == num_samples


def test_import_is_light():
    code = (
        "import sys, keras; before = set(sys.modules)\n"
        "import keras_moon.data\n"
        "new = {m.split('.')[0] for m in set(sys.modules) - before}\n"
        "print(new & {'sklearn', 'matplotlib', 'PIL', 'scipy'})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
