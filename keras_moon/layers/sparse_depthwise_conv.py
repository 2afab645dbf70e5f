"""A depthwise convolution with a sparse kernel."""

from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin


@keras_moon_export("layers.SparseDepthwiseConv2D")
class SparseDepthwiseConv2D(MaskedKernelMixin, keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D` with a fraction of weights active.

    `km.sparsify` leaves depthwise kernels dense unless asked: they hold few
    weights and suffer most.

    Args:
        *args: Positional arguments of `keras.layers.DepthwiseConv2D`.
        sparsity: Fraction of zeros, in [0, 1). Defaults to 0.0.
        dense_gradient: Whether to keep the dense gradient, see `SparseDense`.
        rounding: How the number of zeros is rounded, see `SparseDense`.
        mask_seed: Integer seed of the initial mask, see `SparseDense`.
        **kwargs: Keyword arguments of `keras.layers.DepthwiseConv2D`.

    Input shape:
        `(batch, height, width, channels)`, or channels first.

    Output shape:
        As the parent's, with `channels * depth_multiplier` channels.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseDepthwiseConv2D(3, sparsity=0.5)
    >>> layer(np.ones((2, 16, 16, 4), "float32")).shape
    (2, 14, 14, 4)
    >>> int(np.count_nonzero(layer.kernel))
    18
    """

    def call(self, inputs: Any) -> Any:
        outputs = ops.depthwise_conv(
            inputs,
            self.masked("kernel"),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return self.add_bias_and_activate(outputs)
