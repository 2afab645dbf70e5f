"""A densely connected layer with a sparse kernel."""

from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin


@keras_moon_export("layers.SparseDense")
class SparseDense(MaskedKernelMixin, keras.layers.Dense):
    """`keras.layers.Dense` of which only a fraction of weights is active.

    Computes `activation(inputs @ (kernel * mask) + bias)`. The kernel is
    stored dense, with exact zeros where the mask is zero: the layer simulates
    sparsity while training and is no faster than a dense one.

    Args:
        *args: Positional arguments of `keras.layers.Dense`.
        sparsity: Fraction of zeros, in [0, 1). Defaults to 0.0.
        dense_gradient: Whether the layer keeps the dense gradient of its
            kernel in every training step, as RigL needs. SET and fixed masks
            can do without, which saves the memory of one kernel. Defaults to
            `True`.
        rounding: How the number of zeros is rounded, see
            `km.sparsity.num_nonzeros`. Defaults to `"floor"`.
        mask_seed: Integer seed of the initial random mask. Drawn from the
            global seed (`keras.utils.set_random_seed`) if `None`.
        **kwargs: Keyword arguments of `keras.layers.Dense`. Quantization
            and LoRA are refused.

    Input shape:
        `(..., input_dim)`.

    Output shape:
        `(..., units)`.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseDense(10, sparsity=0.9, mask_seed=0)
    >>> layer(np.ones((2, 64), "float32")).shape
    (2, 10)
    >>> int(np.count_nonzero(layer.kernel))
    64
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = ops.matmul(inputs, self.masked("kernel"))
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        if self.activation is not None:
            outputs = self.activation(outputs)
        return outputs
