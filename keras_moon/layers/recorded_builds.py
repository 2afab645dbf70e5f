"""Building a layer, and every layer inside it, as another one was built."""

import itertools
from collections.abc import Sequence
from typing import Any

import keras

from keras_moon.layers.tree import walk

BuildConfig = dict[str, Any] | None


def recorded_builds(root: keras.layers.Layer) -> list[BuildConfig]:
    """Returns what `root` and all layers inside were built with.

    A composite without a `build` method has its layers built when they are
    first called. What Keras records of such a composite is the shape of its
    first argument only, which says too little; what it records of every layer
    inside says all.

    Args:
        root: A built layer or model.

    Returns:
        One entry for `root` and each layer of the walk through it: the
        layer's build configuration, `{}` if it has none, `None` if it is not
        built.
    """
    layers = [root, *(layer for _, layer in walk(root))]
    return [
        (layer.get_build_config() or {}) if layer.built else None
        for layer in layers
    ]


def build_as_recorded(
    root: keras.layers.Layer, builds: Sequence[BuildConfig]
) -> None:
    """Builds a fresh layer as `recorded_builds` says."""
    layers = []
    # A layer is built before the walk descends into it: its `build` may
    # create the layers inside.
    walked = itertools.chain([root], (layer for _, layer in walk(root)))
    for layer, config in zip(walked, builds, strict=False):
        layers.append((layer, config))
        if config and not layer.built and not _has_default_build(layer):
            layer.build_from_config(config)
    for layer, config in layers:
        if config is not None and not layer.built:
            layer.built = True


def _has_default_build(layer: keras.layers.Layer) -> bool:
    # Keras marks the methods of its base classes.
    return getattr(layer.build, "_is_default", False)
