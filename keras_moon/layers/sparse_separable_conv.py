"""A separable convolution with sparse kernels."""

from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin


@keras_moon_export("layers.SparseSeparableConv2D")
class SparseSeparableConv2D(MaskedKernelMixin, keras.layers.SeparableConv2D):
    """`keras.layers.SeparableConv2D` with a fraction of weights active.

    It has two kernels, each with a mask of its own: `depthwise_kernel` and
    `pointwise_kernel`. `km.sparsify` leaves the first dense unless asked.

    Args:
        *args: Positional arguments of `keras.layers.SeparableConv2D`.
        sparsity: Fraction of zeros, in [0, 1), of both kernels; or a dict from
            kernel name to fraction, where a missing name means 0.0. Defaults
            to 0.0.
        dense_gradient: Whether to keep the dense gradient, see `SparseDense`.
        rounding: How the number of zeros is rounded, see `SparseDense`.
        mask_seed: Integer seed of the initial mask, see `SparseDense`.
        **kwargs: Keyword arguments of `keras.layers.SeparableConv2D`.

    Input shape:
        `(batch, height, width, channels)`, or channels first.

    Output shape:
        As the parent's, with `filters` channels.

    Raises:
        ValueError: If `sparsity` is outside [0, 1).

    Example:

    >>> layer = km.layers.SparseSeparableConv2D(
    ...     8, 3, sparsity={"pointwise_kernel": 0.5}
    ... )
    >>> layer(np.ones((2, 16, 16, 4), "float32")).shape
    (2, 14, 14, 8)
    >>> [masked.target_nonzeros for masked in layer.masked_kernels]
    [36, 16]
    """

    kernel_names = ("depthwise_kernel", "pointwise_kernel")

    def call(self, inputs: Any) -> Any:
        outputs = ops.separable_conv(
            inputs,
            self.masked("depthwise_kernel"),
            self.masked("pointwise_kernel"),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        return self.add_bias_and_activate(outputs)
