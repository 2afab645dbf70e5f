"""An einsum layer with a sparse kernel."""

from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin


@keras_moon_export("layers.SparseEinsumDense")
class SparseEinsumDense(MaskedKernelMixin, keras.layers.EinsumDense):
    """`keras.layers.EinsumDense` of which a fraction of weights is active.

    This is what the projections of attention layers are made of.

    Args:
        *args: Positional arguments of `keras.layers.EinsumDense`.
        sparsity: Fraction of zeros, in [0, 1). Defaults to 0.0.
        dense_gradient: Whether to keep the dense gradient, see `SparseDense`.
        rounding: How the number of zeros is rounded, see `SparseDense`.
        mask_seed: Integer seed of the initial mask, see `SparseDense`.
        **kwargs: Keyword arguments of `keras.layers.EinsumDense`.
            Quantization and LoRA are refused.

    Input shape:
        As the equation says.

    Output shape:
        As the equation says.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseEinsumDense(
    ...     "abc,cde->abde", output_shape=(None, 2, 4), sparsity=0.5
    ... )
    >>> layer(np.ones((1, 3, 8), "float32")).shape
    (1, 3, 2, 4)
    >>> int(np.count_nonzero(layer.kernel))
    32
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = ops.einsum(self.equation, inputs, self.masked("kernel"))
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        if self.activation is not None:
            outputs = self.activation(outputs)
        return outputs
