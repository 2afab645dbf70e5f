"""Calling a layer on shapes only, to watch the layers inside."""

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
    is computed.

    Args:
        layer: The layer or model.
        *args: `keras.KerasTensor`s for the layer's positional arguments.
        **kwargs: And for its named ones.

    Returns:
        What the layer returns, as `keras.KerasTensor`s.
    """
    return _Run(layer).compute_output_spec(*args, **kwargs)


def symbolic_tensors(shape: Any) -> Any:
    """Returns symbolic tensors for one shape or a nest of shapes."""
    if isinstance(shape, dict):
        return {name: symbolic_tensors(inner) for name, inner in shape.items()}
    if all(dim is None or isinstance(dim, int) for dim in shape):
        return keras.KerasTensor(tuple(shape))
    return [symbolic_tensors(inner) for inner in shape]
