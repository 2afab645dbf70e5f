"""Out-of-distribution sets for the digits, made without a network."""

import operator

import numpy as np

from keras_moon.api_export import keras_moon_export
from keras_moon.data.digits import NUM_LEVELS
from keras_moon.data.digits import check_seed
from keras_moon.data.digits import digit_images
from keras_moon.data.letters import FONTS
from keras_moon.data.letters import LETTERS
from keras_moon.data.letters import render_letters
from keras_moon.data.ood_set import OODSet
from keras_moon.data.photo_patches import MIN_CONTRAST
from keras_moon.data.photo_patches import SCALES
from keras_moon.data.photo_patches import photo_patches


def _as_images(images: np.ndarray) -> np.ndarray:
    """Rounds to the grey levels of the digits; returns float32 NHWC."""
    levels = np.rint(np.clip(images, 0.0, 1.0) * NUM_LEVELS)
    return (levels / NUM_LEVELS).astype("float32")[..., np.newaxis]


@keras_moon_export("data.digits_ood_sets")
def digits_ood_sets(
    seed: int = 0, num_samples: int = 1000
) -> dict[str, OODSet]:
    """Makes out-of-distribution sets for the handwritten digits.

    Near: `"letters"`, from the fonts in matplotlib, in the frame and with the
    amount of ink of real digits, so that neither brightness nor border gives
    them away. Letters that can be read as a digit (BDGIJOQSTUZ and
    bfgijlnoqrstuyz) and those too wide for 8 pixels (MWmw) are left out.

    Far: `"photographs"`, patches of scikit-learn's two sample photographs at
    several scales; `"uniform_noise"`; `"gaussian_noise"`, with the mean and
    standard deviation of the digits' pixels before it is clipped.

    All images have the 17 grey levels of the digits, so that a detector
    cannot go by those.

    Args:
        seed: Seed of all sets, an integer in [0, 2**32). The same seed gives
            the same images with the same versions of Pillow and matplotlib.
            Defaults to 0.
        num_samples: Images per set, an integer >= 1. Defaults to 1000.

    Returns:
        A dictionary from names to `OODSet`s, near sets first. Images are
        float32 of shape `(num_samples, 8, 8, 1)` in [0, 1].

    Raises:
        ValueError: If `num_samples` is less than 1 or the seed is out of
            range.
        TypeError: If `num_samples` or the seed is not an integer.
        FileNotFoundError: If matplotlib was installed without its fonts.

    Example:

    >>> for ood_set in km.data.digits_ood_sets(num_samples=10).values():
    ...     print(ood_set.group, ood_set.name, ood_set.x.shape)
    near letters (10, 8, 8, 1)
    far photographs (10, 8, 8, 1)
    far uniform_noise (10, 8, 8, 1)
    far gaussian_noise (10, 8, 8, 1)
    """
    seed = check_seed(seed)
    try:
        num_samples = operator.index(num_samples)
    except TypeError:
        raise TypeError(
            "`num_samples` must be an integer. Received: "
            f"num_samples={num_samples!r} of type "
            f"{type(num_samples).__name__}."
        ) from None
    if num_samples < 1:
        raise ValueError(
            "`num_samples` must be at least 1. Received: "
            f"num_samples={num_samples}."
        )
    digits = digit_images()[0][..., 0]
    height, width = digits.shape[1:]
    # A stream per set: changing one set leaves the others as they are.
    letters, photos, uniform, gaussian = (
        np.random.default_rng([seed, stream]) for stream in range(4)
    )
    shape = (num_samples, height, width)
    mean, std = float(digits.mean()), float(digits.std())
    sets = (
        OODSet(
            "letters",
            "near",
            _as_images(render_letters(digits, num_samples, letters)[0]),
            f"{len(LETTERS)} letters that no digit looks like, in "
            f"{len(FONTS)} fonts of matplotlib, drawn as the digits were.",
        ),
        OODSet(
            "photographs",
            "far",
            _as_images(photo_patches(num_samples, height, photos)),
            "Grey patches of scikit-learn's two sample photographs, "
            f"{SCALES[0] * height} to {SCALES[-1] * height} pixels wide, "
            f"standard deviation at least {MIN_CONTRAST}.",
        ),
        OODSet(
            "uniform_noise",
            "far",
            _as_images(uniform.uniform(0.0, 1.0, shape)),
            "Independent pixels, uniform in [0, 1].",
        ),
        OODSet(
            "gaussian_noise",
            "far",
            _as_images(gaussian.normal(mean, std, shape)),
            "Independent pixels, normal with the mean and standard deviation "
            f"of the digits ({mean:.3f}, {std:.3f}), clipped to [0, 1].",
        ),
    )
    return {ood_set.name: ood_set for ood_set in sets}
