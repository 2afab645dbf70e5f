"""Which kernels of a model can be made sparse, and why others cannot."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.swap import SPARSE_CLASSES
from keras_moon.layers.tree import kernel_path
from keras_moon.layers.tree import sublayers
from keras_moon.layers.tree import walk


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One kernel that can be made sparse.

    Attributes:
        path: Name by which users select it.
        layer_path: Name of its layer; differs if that has two kernels.
        layer_index: Position of the layer in the walk through the model.
        kernel_name: Attribute of the layer that holds the kernel.
        shape: Shape that its distribution counts with.
        dense_by_default: Whether it stays dense unless asked for by name.
    """

    path: str
    layer_path: str
    layer_index: int
    kernel_name: str
    shape: tuple[int, ...]
    dense_by_default: bool


def find_candidates(
    model: keras.Model,
) -> tuple[list[Candidate], dict[str, str]]:
    """Returns the kernels that can be made sparse, and reasons for the rest.

    Args:
        model: A built model.

    Returns:
        Candidates in the order of the walk, and a dict from the path of every
        layer that holds a weight matrix but cannot be treated to the reason.
    """
    candidates, untreatable = [], {}
    owners = _owners(model)
    if _own_matrices(model):
        untreatable[model.name] = "the model itself holds weight matrices"
    for index, (path, layer) in enumerate(walk(model)):
        reason = _reason(layer, owners)
        if reason is not None:
            untreatable[path] = reason
        if reason is not None or type(layer) not in SPARSE_CLASSES:
            continue
        sparse_class = SPARSE_CLASSES[type(layer)]
        for name in sparse_class.kernel_names:
            candidates.append(
                Candidate(
                    path=kernel_path(path, sparse_class, name),
                    layer_path=path,
                    layer_index=index,
                    kernel_name=name,
                    shape=_distribution_shape(layer, name),
                    dense_by_default=_is_depthwise(layer, name),
                )
            )
    return candidates, untreatable


def own_variables(layer: keras.layers.Layer) -> list[Any]:
    """Returns the variables of a layer that no layer inside it holds."""
    inner = {id(v) for child in sublayers(layer) for v in child.variables}
    return [v for v in layer.variables if id(v) not in inner]


def _own_matrices(layer: keras.layers.Layer) -> list[Any]:
    return [
        v for v in own_variables(layer) if len(v.shape) >= 2 and v.trainable
    ]


def _owners(model: keras.Model) -> dict[int, list[str]]:
    owners: dict[int, list[str]] = {}
    for path, layer in walk(model):
        for variable in own_variables(layer):
            owners.setdefault(id(variable), []).append(path)
    return owners


def _reason(
    layer: keras.layers.Layer, owners: dict[int, list[str]]
) -> str | None:
    """Why a layer with a weight matrix stays as it is; None if it need not."""
    if isinstance(layer, MaskedKernelMixin):
        return None
    matrices = [v for v in own_variables(layer) if len(v.shape) >= 2]
    if type(layer) not in SPARSE_CLASSES:
        # Matrices that are never trained are no weights, such as the moving
        # averages of some layers; those of a frozen layer may be.
        if _own_matrices(layer) or (matrices and not layer.trainable):
            return f"{type(layer).__name__} has no sparse counterpart"
        return None
    # Before anything else: a quantized layer's kernel is no float matrix.
    if getattr(layer, "quantization_mode", None) is not None:
        return f"it is quantized ({layer.quantization_mode})"
    if getattr(layer, "lora_enabled", False):
        return "it carries LoRA, whose update would fill the zeros"
    shared = [
        path
        for v in matrices
        for path in owners[id(v)]
        if len(owners[id(v)]) > 1
    ]
    if shared:
        return f"its kernel is shared by {sorted(set(shared))}"
    if not layer.trainable or not all(v.trainable for v in matrices):
        return "it is frozen (trainable=False)"
    return None


def _is_depthwise(layer: keras.layers.Layer, kernel_name: str) -> bool:
    return kernel_name == "depthwise_kernel" or isinstance(
        layer, keras.layers.DepthwiseConv2D
    )


def _distribution_shape(
    layer: keras.layers.Layer, kernel_name: str
) -> tuple[int, ...]:
    shape = tuple(getattr(layer, kernel_name).shape)
    if isinstance(layer, keras.layers.EinsumDense):
        return _einsum_fans(layer.equation, shape)
    return shape


def _einsum_fans(equation: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Returns (fan-in, fan-out) of an einsum kernel.

    Dimensions that the product sums over are fan-in, all others fan-out, so
    that an attention projection counts as the matrix that it is.
    """
    inputs, output = equation.replace(" ", "").split("->")
    letters = inputs.split(",")[1].replace("...", "")
    summed = [
        dim for c, dim in zip(letters, shape, strict=True) if c not in output
    ]
    fan_in = int(np.prod(summed, dtype=np.int64))
    return fan_in, int(np.prod(shape, dtype=np.int64)) // fan_in
