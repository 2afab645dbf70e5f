"""Turning built Keras layers sparse, and back, without replacing them.

A layer changes its class in place and gains or loses masks. Whatever holds
it (a functional graph, an attribute, a list) needs no change, and Keras
tracks no layer that is gone.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_moon.layers.masked_kernel import zero_masked
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.sparse_conv import SparseConv1D
from keras_moon.layers.sparse_conv import SparseConv2D
from keras_moon.layers.sparse_conv import SparseConv3D
from keras_moon.layers.sparse_conv_transpose import SparseConv2DTranspose
from keras_moon.layers.sparse_dense import SparseDense
from keras_moon.layers.sparse_depthwise_conv import SparseDepthwiseConv2D
from keras_moon.layers.sparse_einsum_dense import SparseEinsumDense
from keras_moon.layers.sparse_separable_conv import SparseSeparableConv2D

SPARSE_CLASSES: dict[type, type] = {
    keras.layers.Dense: SparseDense,
    keras.layers.EinsumDense: SparseEinsumDense,
    keras.layers.Conv1D: SparseConv1D,
    keras.layers.Conv2D: SparseConv2D,
    keras.layers.Conv3D: SparseConv3D,
    keras.layers.Conv2DTranspose: SparseConv2DTranspose,
    keras.layers.DepthwiseConv2D: SparseDepthwiseConv2D,
    keras.layers.SeparableConv2D: SparseSeparableConv2D,
}
PLAIN_CLASSES = {sparse: plain for plain, sparse in SPARSE_CLASSES.items()}


def make_sparse(
    layer: keras.layers.Layer,
    options: Mapping[str, Any],
    masks: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Makes a built Keras layer sparse in place.

    Args:
        layer: A built layer of a class in `SPARSE_CLASSES`.
        options: `sparsity`, `dense_gradient`, `rounding` and `mask_seed` of
            the sparse class.
        masks: Boolean array per kernel name. Random if `None`.
    """
    set_class(layer, SPARSE_CLASSES[type(layer)])
    layer.become_sparse(**options, masks=masks)


def make_plain(layer: MaskedKernelMixin) -> None:
    """Turns a sparse layer back into the Keras layer that it was."""
    for masked in layer.masked_kernels:
        zero_masked(masked)
    layer.forget_masks()
    set_class(layer, PLAIN_CLASSES[type(layer)])


def sparse_options(layer: MaskedKernelMixin) -> dict[str, Any]:
    """Returns the options with which `make_sparse` repeats a layer."""
    return {
        "sparsity": layer.sparsity,
        "dense_gradient": layer.dense_gradient,
        "rounding": layer.rounding,
        "mask_seed": layer.mask_seed,
    }


def set_class(layer: keras.layers.Layer, cls: type) -> None:
    """Changes the class of a layer, past Keras's attribute tracking."""
    object.__setattr__(layer, "__class__", cls)
    # Keras wraps these two methods per instance when it makes a layer; the
    # wrappers would go on calling those of the old class.
    for name in ("build", "quantize"):
        wrapper = vars(layer).get(name)
        method = getattr(wrapper, "__wrapped__", None)
        if method is None:
            continue
        wrapper.__wrapped__ = getattr(cls, name).__get__(layer)
        for cell in wrapper.__closure__:
            if cell.cell_contents is method:
                cell.cell_contents = wrapper.__wrapped__
