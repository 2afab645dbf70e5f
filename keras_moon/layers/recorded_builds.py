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
            if config and layer.get_build_config() is None:
                _record(layer, config)


def _record(layer: keras.layers.Layer, config: dict[str, Any]) -> None:
    """Remembers the shapes of a build that Keras itself did not see.

    Keras has no public way; it is how a copy of a copy, a saved model and
    the summary know the input shape of a subclassed model.
    """
    shapes = config.get("shapes_dict")
    if shapes is None and "input_shape" in config:
        shapes = {"input_shape": config["input_shape"]}
    layer._build_shapes_dict = shapes


def _has_default_build(layer: keras.layers.Layer) -> bool:
    # Keras marks the methods of its base classes.
    return getattr(layer.build, "_is_default", False)
