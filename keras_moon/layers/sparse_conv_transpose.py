"""A transposed convolution with a sparse kernel."""

from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin


@keras_moon_export("layers.SparseConv2DTranspose")
class SparseConv2DTranspose(MaskedKernelMixin, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with a fraction of weights active.

    The kernel has the shape `(height, width, filters, input_channels)`.

    Args:
        *args: Positional arguments of `keras.layers.Conv2DTranspose`.
        sparsity: Fraction of zeros, in [0, 1). Defaults to 0.0.
        dense_gradient: Whether to keep the dense gradient, see `SparseDense`.
        rounding: How the number of zeros is rounded, see `SparseDense`.
        mask_seed: Integer seed of the initial mask, see `SparseDense`.
        **kwargs: Keyword arguments of `keras.layers.Conv2DTranspose`.

    Input shape:
        `(batch, height, width, channels)`, or channels first.

    Output shape:
        As the parent's, with `filters` channels.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseConv2DTranspose(8, 3, strides=2, sparsity=0.5)
    >>> layer(np.ones((2, 8, 8, 4), "float32")).shape
    (2, 17, 17, 8)
    >>> int(np.count_nonzero(layer.kernel))
    144
    """

    def call(self, inputs: Any) -> Any:
        outputs = ops.conv_transpose(
            inputs,
            self.masked("kernel"),
            strides=list(self.strides),
            padding=self.padding,
            output_padding=self.output_padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return self.add_bias_and_activate(outputs)
