"""Calling a layer on shapes only, to build it or to watch its layers."""

from typing import Any

import keras


class _Run(keras.Operation):
    """Runs a layer's real `call`, also where Keras could infer its shape."""

    def __init__(self, layer: keras.layers.Layer) -> None:
        super().__init__()
        self._layer = layer

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self._layer(*args, **kwargs)


def symbolic_call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
    """Calls a layer on symbolic inputs without leaving a trace in its graph.

    Every layer inside is really called, once, on abstract tensors: nothing
    is computed, and layers that are not built yet are built.

    Args:
        layer: The layer or model.
        *args: `keras.KerasTensor`s for the layer's positional arguments.
        **kwargs: And for its named ones.

    Returns:
        What the layer returns, as `keras.KerasTensor`s.
    """
    return _Run(layer).compute_output_spec(*args, **kwargs)


def build_by_calling(
    layer: keras.layers.Layer, build_config: dict[str, Any] | None
) -> None:
    """Builds a layer from the shapes it was first built with.

    Does what `layer.build_from_config` does, but calls the layer where it
    has no `build` method of its own and its sublayers build on first call.
    """
    if layer.built or not build_config:
        return
    has_own_build = not getattr(layer.build, "_is_default", False)
    if has_own_build or isinstance(layer, keras.Model):
        layer.build_from_config(build_config)
    elif "input_shape" in build_config:
        symbolic_call(layer, symbolic_tensors(build_config["input_shape"]))
    else:
        shapes = {
            name.removesuffix("_shape"): symbolic_tensors(shape)
            for name, shape in build_config["shapes_dict"].items()
        }
        symbolic_call(layer, **shapes)


def symbolic_tensors(shape: Any) -> Any:
    """Returns symbolic tensors for one shape or a nest of shapes."""
    if isinstance(shape, dict):
        return {name: symbolic_tensors(inner) for name, inner in shape.items()}
    if all(dim is None or isinstance(dim, int) for dim in shape):
        return keras.KerasTensor(tuple(shape))
    return [symbolic_tensors(inner) for inner in shape]
