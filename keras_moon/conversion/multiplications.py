"""Counting the multiplications of a model by watching its layers."""

import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.symbolic_call import symbolic_call
from keras_moon.layers.symbolic_call import symbolic_tensors
from keras_moon.layers.tree import walk
from keras_moon.sparsity.accounting import LAYER_KINDS
from keras_moon.sparsity.accounting import layer_macs

_KERNEL_ATTRIBUTES = ("kernel", "depthwise_kernel", "pointwise_kernel")


def kind_of(layer: keras.layers.Layer) -> str | None:
    """Returns the Keras class whose arithmetic the layer does, or None."""
    for cls in type(layer).__mro__:
        if cls.__name__ in LAYER_KINDS and cls.__module__.startswith("keras."):
            return cls.__name__
    return None


def kernels_of(layer: keras.layers.Layer) -> list[Any]:
    """Returns the kernels of a layer whose arithmetic is known."""
    if kind_of(layer) is None:
        return []
    found = [getattr(layer, name, None) for name in _KERNEL_ATTRIBUTES]
    return [kernel for kernel in found if kernel is not None]


def count_macs(
    model: keras.Model, input_shape: Any = None
) -> dict[int, tuple[int, int]] | None:
    """Counts multiply-accumulates by calling the model on shapes only.

    Args:
        model: A built model.
        input_shape: See `km.summary`.

    Returns:
        Dict from `id(layer)` to `(macs, macs if dense)` for one example,
        summed over all calls of a shared layer; `None`, after a warning, if
        the input shape is not known.
    """
    inputs = _symbolic_inputs(model, input_shape)
    if inputs is None:
        warnings.warn(
            f"The input shape of model '{model.name}' is not fully known, so "
            "its multiplications were not counted. Pass `input_shape`, with "
            "the batch axis.",
            stacklevel=3,
        )
        return None
    calls: list[tuple[Any, tuple, tuple]] = []
    watched = [layer for _, layer in walk(model) if kernels_of(layer)]
    for layer in watched:
        _watch(layer, calls)
    try:
        symbolic_call(model, inputs)
    finally:
        for layer in watched:
            object.__delattr__(layer, "call")
    counts: dict[int, tuple[int, int]] = {}
    for layer, layer_input, layer_output in calls:
        macs, dense = counts.get(id(layer), (0, 0))
        more, more_dense = _call_macs(layer, layer_input, layer_output)
        counts[id(layer)] = (macs + more, dense + more_dense)
    return counts


def _watch(layer: Any, calls: list[tuple[Any, tuple, tuple]]) -> None:
    original = layer.call

    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = original(inputs, *args, **kwargs)
        calls.append((layer, tuple(inputs.shape), tuple(outputs.shape)))
        return outputs

    # Past Keras's attribute tracking, and off again without a trace.
    object.__setattr__(layer, "call", call)


def _call_macs(
    layer: Any, input_shape: tuple, output_shape: tuple
) -> tuple[int, int]:
    kernels = kernels_of(layer)
    sizes = [int(np.prod(kernel.shape)) for kernel in kernels]
    if isinstance(layer, MaskedKernelMixin):
        active = [kernel.mask for kernel in layer.masked_kernels]
    else:
        active = kernels
    nonzeros = [
        int(np.count_nonzero(ops.convert_to_numpy(v.value))) for v in active
    ]
    shapes = (input_shape, output_shape)
    options = {
        "data_format": getattr(layer, "data_format", "channels_last"),
        "equation": getattr(layer, "equation", None),
    }
    kind = kind_of(layer)
    return (
        layer_macs(kind, nonzeros, *shapes, **options),
        layer_macs(kind, sizes, *shapes, **options),
    )


def _symbolic_inputs(model: keras.Model, input_shape: Any) -> Any:
    """Symbolic inputs for one example, or None if a shape is not known."""
    if input_shape is None and getattr(model, "inputs", None):
        # A Sequential model has no `input` until something calls it.
        is_sequential = isinstance(model, keras.Sequential)
        tensors = model.inputs[0] if is_sequential else model.input
    else:
        if input_shape is None:
            config = model.get_build_config() or {}
            input_shape = config.get("input_shape")
        if input_shape is None:
            return None
        tensors = symbolic_tensors(input_shape)
    flat = keras.tree.flatten(tensors)
    if any(dim is None for tensor in flat for dim in tensor.shape[1:]):
        return None
    return keras.tree.map_structure(
        lambda t: keras.KerasTensor((1, *t.shape[1:]), dtype=t.dtype), tensors
    )
