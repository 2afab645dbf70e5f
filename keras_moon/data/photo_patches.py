"""Small grey patches of the two photographs that scikit-learn ships."""

import numpy as np

SCALES = (1, 2, 4, 8)
"""Photograph pixels per patch pixel, along each side."""

MIN_CONTRAST = 0.05
"""Smallest standard deviation of a patch: plain sky is left out."""

# ITU-R BT.601 luma, the grey that Pillow's "L" mode computes.
_LUMA = (0.299, 0.587, 0.114)


def _shrink(image: np.ndarray, scale: int) -> np.ndarray:
    """Averages squares of `scale` x `scale` pixels."""
    height, width = (side // scale for side in image.shape)
    image = image[: height * scale, : width * scale]
    return image.reshape(height, scale, width, scale).mean(axis=(1, 3))


def photo_patches(
    num_samples: int, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Cuts random patches out of the photographs, at several scales.

    Photographs ("china.jpg", a temple, and "flower.jpg") and scales take
    turns; patches without contrast are drawn anew.

    Args:
        num_samples: Number of patches.
        size: Height and width of a patch.
        rng: Source of positions.

    Returns:
        Patches in [0, 1], shape `(num_samples, size, size)`.
    """
    from sklearn.datasets import load_sample_images

    photos = [photo @ _LUMA / 255.0 for photo in load_sample_images().images]
    sources = [_shrink(photo, scale) for scale in SCALES for photo in photos]
    patches = []
    while len(patches) < num_samples:
        source = sources[len(patches) % len(sources)]
        top, left = (rng.integers(0, side - size + 1) for side in source.shape)
        patch = source[top : top + size, left : left + size]
        if patch.std() >= MIN_CONTRAST:
            patches.append(patch)
    return np.stack(patches)
