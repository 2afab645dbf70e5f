"""scikit-learn's handwritten digits: real data that needs no network."""

import dataclasses
import numbers
import operator

import numpy as np

from keras_moon.api_export import keras_moon_export

NUM_LEVELS = 16
"""Grey levels above 0: pixels are multiples of 1/16 in [0, 1]."""


def check_seed(seed: int) -> int:
    """Returns the seed as an int; raises unless it is in [0, 2**32)."""
    try:
        value = operator.index(seed)
    except TypeError:
        raise TypeError(
            "`seed` must be an integer. Received: "
            f"seed={seed!r} of type {type(seed).__name__}."
        ) from None
    if not 0 <= value < 2**32:
        raise ValueError(
            f"`seed` must lie between 0 and 2**32 - 1. Received: seed={seed}."
        )
    return value


@keras_moon_export("data.Split")
@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Labelled samples of one part of a data set.

    Args:
        x: Inputs, shape `(samples, ...)`. Made read-only.
        y: Class indices, shape `(samples,)`. Made read-only.

    Raises:
        ValueError: If `x` and `y` do not have the same number of samples.

    Example:

    >>> split = km.data.Split(np.zeros((3, 8, 8, 1)), np.array([0, 1, 2]))
    >>> len(split)
    3
    """

    x: np.ndarray
    y: np.ndarray

    def __post_init__(self):
        if np.ndim(self.x) == 0 or np.shape(self.y) != np.shape(self.x)[:1]:
            raise ValueError(
                "`x` and `y` must have the same number of samples, shapes "
                f"(samples, ...) and (samples,). Received shapes "
                f"{np.shape(self.x)} and {np.shape(self.y)}."
            )
        self.x.setflags(write=False)
        self.y.setflags(write=False)

    def __len__(self) -> int:
        return len(self.x)


@keras_moon_export("data.Digits")
@dataclasses.dataclass(frozen=True, eq=False)
class Digits:
    """The digits, split; what `load_digits` returns.

    Args:
        train: `Split` to fit on.
        validation: `Split` to choose by.
        test: `Split` to report.
        num_classes: Number of classes, 10.

    Example:

    >>> digits = km.data.load_digits()
    >>> digits.num_classes, digits.image_shape
    (10, (8, 8, 1))
    """

    train: Split
    validation: Split
    test: Split
    num_classes: int = 10

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, (height, width, channels)."""
        return self.train.x.shape[1:]


def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """Returns all images as float32 NHWC in [0, 1], and int32 labels."""
    # Imported here to keep `import keras_moon` light.
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = (bunch.images / NUM_LEVELS).astype("float32")[..., np.newaxis]
    return images, bunch.target.astype("int32")


@keras_moon_export("data.load_digits")
def load_digits(
    seed: int = 0,
    validation_fraction: float = 0.1,
    test_fraction: float = 0.25,
) -> Digits:
    """Loads scikit-learn's handwritten digits, split at random by class.

    1797 images of 8 x 8 pixels, written by 13 people: the test part of the
    "Optical Recognition of Handwritten Digits" data of the UCI repository,
    which scikit-learn ships. Writers are not marked in the data, so the same
    hand appears in every split and accuracies are higher than on unseen
    writers.

    Args:
        seed: Seed of the split, an integer in [0, 2**32). The same seed gives
            the same split. Defaults to 0.
        validation_fraction: Fraction in (0, 1) of all images for validation.
            Defaults to 0.1.
        test_fraction: Fraction in (0, 1) of all images for testing. Defaults
            to 0.25.

    Returns:
        `Digits` with the splits `train`, `validation` and `test`: 1167, 180
        and 450 images by default, each class in proportion. Images are
        float32 of shape `(samples, 8, 8, 1)` in [0, 1], labels int32 of shape
        `(samples,)`.

    Raises:
        ValueError: If a fraction is outside (0, 1), a split would have fewer
            images than classes, or the seed is out of range.
        TypeError: If the seed is not an integer.

    Example:

    >>> digits = km.data.load_digits(seed=0)
    >>> len(digits.train), len(digits.validation), len(digits.test)
    (1167, 180, 450)
    >>> digits.train.x.shape, digits.train.x.dtype
    ((1167, 8, 8, 1), dtype('float32'))
    """
    from sklearn.model_selection import train_test_split

    seed = check_seed(seed)
    for name, fraction in (
        ("validation_fraction", validation_fraction),
        ("test_fraction", test_fraction),
    ):
        if not (isinstance(fraction, numbers.Real) and 0.0 < fraction < 1.0):
            raise ValueError(
                f"`{name}` must be a fraction in (0, 1). Received: "
                f"{name}={fraction!r}."
            )
    images, labels = digit_images()
    num_images = len(images)
    num_classes = int(labels.max()) + 1
    num_validation = int(np.ceil(validation_fraction * num_images))
    num_test = int(np.ceil(test_fraction * num_images))
    num_train = num_images - num_validation - num_test
    if min(num_train, num_validation, num_test) < num_classes:
        raise ValueError(
            f"Every split needs at least {num_classes} images, one per class. "
            f"Received: validation_fraction={validation_fraction} and "
            f"test_fraction={test_fraction}, which split {num_images} images "
            f"into {num_train} for training, {num_validation} for validation "
            f"and {num_test} for testing."
        )
    rest, test = train_test_split(
        np.arange(num_images),
        test_size=num_test,
        stratify=labels,
        random_state=seed,
    )
    train, validation = train_test_split(
        rest, test_size=num_validation, stratify=labels[rest], random_state=seed
    )
    return Digits(
        *(Split(images[i], labels[i]) for i in (train, validation, test)),
        num_classes=num_classes,
    )
