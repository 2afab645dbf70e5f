"""Convolutions with a sparse kernel."""

from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin


class SparseConvMixin(MaskedKernelMixin):
    """The forward pass that all sparse convolutions share."""

    def call(self, inputs: Any) -> Any:
        padding = self.padding
        if padding == "causal":  # One-dimensional convolutions only.
            left = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            pads = [[0, 0], [0, 0], [0, 0]]
            pads[1 if self.data_format == "channels_last" else 2] = [left, 0]
            inputs, padding = ops.pad(inputs, pads), "valid"
        outputs = ops.conv(
            inputs,
            self.masked("kernel"),
            strides=list(self.strides),
            padding=padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return self.add_bias_and_activate(outputs)


@keras_moon_export("layers.SparseConv1D")
class SparseConv1D(SparseConvMixin, keras.layers.Conv1D):
    """`keras.layers.Conv1D` of which a fraction of weights is active.

    Groups, dilation and `channels_first` work as in the parent, where the
    backend can.

    Args:
        *args: Positional arguments of `keras.layers.Conv1D`.
        sparsity: Fraction of zeros, in [0, 1). Defaults to 0.0.
        dense_gradient: Whether to keep the dense gradient, see `SparseDense`.
        rounding: How the number of zeros is rounded, see `SparseDense`.
        mask_seed: Integer seed of the initial mask, see `SparseDense`.
        **kwargs: Keyword arguments of `keras.layers.Conv1D`. LoRA and
            quantization are refused.

    Input shape:
        `(batch, steps, channels)`, or channels first.

    Output shape:
        As the parent's, with `filters` channels.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseConv1D(8, 3, sparsity=0.5)
    >>> layer(np.ones((2, 16, 4), "float32")).shape
    (2, 14, 8)
    >>> int(np.count_nonzero(layer.kernel))
    48
    """


@keras_moon_export("layers.SparseConv2D")
class SparseConv2D(SparseConvMixin, keras.layers.Conv2D):
    """`keras.layers.Conv2D` of which a fraction of weights is active.

    Groups, dilation and `channels_first` work as in the parent, where the
    backend can.

    Args:
        *args: Positional arguments of `keras.layers.Conv2D`.
        sparsity: Fraction of zeros, in [0, 1). Defaults to 0.0.
        dense_gradient: Whether to keep the dense gradient, see `SparseDense`.
        rounding: How the number of zeros is rounded, see `SparseDense`.
        mask_seed: Integer seed of the initial mask, see `SparseDense`.
        **kwargs: Keyword arguments of `keras.layers.Conv2D`. LoRA and
            quantization are refused.

    Input shape:
        `(batch, height, width, channels)`, or channels first.

    Output shape:
        As the parent's, with `filters` channels.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseConv2D(8, 3, sparsity=0.5)
    >>> layer(np.ones((2, 16, 16, 4), "float32")).shape
    (2, 14, 14, 8)
    >>> int(np.count_nonzero(layer.kernel))
    144
    """


@keras_moon_export("layers.SparseConv3D")
class SparseConv3D(SparseConvMixin, keras.layers.Conv3D):
    """`keras.layers.Conv3D` of which a fraction of weights is active.

    Groups, dilation and `channels_first` work as in the parent, where the
    backend can.

    Args:
        *args: Positional arguments of `keras.layers.Conv3D`.
        sparsity: Fraction of zeros, in [0, 1). Defaults to 0.0.
        dense_gradient: Whether to keep the dense gradient, see `SparseDense`.
        rounding: How the number of zeros is rounded, see `SparseDense`.
        mask_seed: Integer seed of the initial mask, see `SparseDense`.
        **kwargs: Keyword arguments of `keras.layers.Conv3D`. LoRA and
            quantization are refused.

    Input shape:
        `(batch, depth, height, width, channels)`, or channels first.

    Output shape:
        As the parent's, with `filters` channels.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseConv3D(8, 3, sparsity=0.5)
    >>> layer(np.ones((1, 8, 8, 8, 4), "float32")).shape
    (1, 6, 6, 6, 8)
    >>> int(np.count_nonzero(layer.kernel))
    432
    """
