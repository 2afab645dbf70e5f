"""What a sparse layer costs at inference: MACs, FLOPs, bytes.

Every weight of a kernel takes part in one multiplication per *position*: an
output position for convolutions, an input position for transposed ones, a
row of the flattened input for dense layers. So a layer costs the nonzeros of
its kernels times its positions. Positions in padding count as computed.

All numbers are per example; the first axis of a shape is the batch.
"""

import math
import numbers
import operator
from collections.abc import Sequence

from keras_moon.api_export import keras_moon_export

Shape = Sequence[int | None]

# Spatial axes of the convolutions whose positions are those of the output.
_OUTPUT_CONVOLUTIONS = {
    "Conv1D": 1,
    "Conv2D": 2,
    "Conv3D": 3,
    "DepthwiseConv1D": 1,
    "DepthwiseConv2D": 2,
    "SeparableConv1D": 1,
    "SeparableConv2D": 2,
}
_INPUT_CONVOLUTIONS = {
    "Conv1DTranspose": 1,
    "Conv2DTranspose": 2,
    "Conv3DTranspose": 3,
}
LAYER_KINDS = (
    "Dense",
    "EinsumDense",
    *_OUTPUT_CONVOLUTIONS,
    *_INPUT_CONVOLUTIONS,
)


@keras_moon_export("sparsity.num_positions")
def num_positions(
    kind: str,
    input_shape: Shape,
    output_shape: Shape,
    data_format: str = "channels_last",
    equation: str | None = None,
) -> int:
    """Returns how often each weight of a layer is used for one example.

    Args:
        kind: Keras class of the layer, without the prefix "Sparse":
            `"Dense"`, `"EinsumDense"`, `"Conv1D"`, `"Conv2D"`, `"Conv3D"`,
            `"DepthwiseConv1D"`, `"DepthwiseConv2D"`, `"SeparableConv1D"`,
            `"SeparableConv2D"` (both kernels), `"Conv1DTranspose"`,
            `"Conv2DTranspose"` or `"Conv3DTranspose"`.
        input_shape: Shape of the layer's input, with the batch axis. Only
            the axes that decide must be known.
        output_shape: Shape of its output, with the batch axis.
        data_format: `"channels_last"` or `"channels_first"`, for
            convolutions.
        equation: Einsum equation of an `EinsumDense`, for example
            `"abc,cd->abd"`.

    Returns:
        The number of positions: 1 for a `Dense` on vectors, the area of the
        feature map for a convolution.

    Raises:
        ValueError: If the kind is unknown, a shape has the wrong number of
            axes or an unknown size, or the equation is missing or does not
            fit.

    Example:

    >>> km.sparsity.num_positions("Dense", (None, 64), (None, 10))
    1
    >>> km.sparsity.num_positions(
    ...     "Conv2D", (None, 32, 32, 3), (None, 16, 16, 8)
    ... )
    256
    >>> km.sparsity.num_positions(
    ...     "EinsumDense", (None, 7, 8), (None, 7, 2, 4),
    ...     equation="abc,cde->abde",
    ... )
    7
    """
    if kind == "Dense":
        return _product(output_shape[1:-1], kind, "output_shape", output_shape)
    if kind == "EinsumDense":
        return _einsum_positions(equation, input_shape)
    if kind in _OUTPUT_CONVOLUTIONS:
        rank = _OUTPUT_CONVOLUTIONS[kind]
        name, shape = "output_shape", output_shape
    elif kind in _INPUT_CONVOLUTIONS:
        rank = _INPUT_CONVOLUTIONS[kind]
        name, shape = "input_shape", input_shape
    else:
        raise ValueError(
            f"`kind` must be one of {LAYER_KINDS}. Received: kind={kind!r}."
        )
    if len(shape) != rank + 2:
        raise ValueError(
            f"`{name}` of a {kind} must have {rank + 2} axes (batch, "
            f"{rank} spatial, channels). Received: {tuple(shape)}."
        )
    if data_format == "channels_last":
        return _product(shape[1:-1], kind, name, shape)
    if data_format == "channels_first":
        return _product(shape[2:], kind, name, shape)
    raise ValueError(
        "`data_format` must be 'channels_last' or 'channels_first'. "
        f"Received: data_format={data_format!r} for a {kind}."
    )


@keras_moon_export("sparsity.layer_macs")
def layer_macs(
    kind: str,
    nonzeros: int | Sequence[int],
    input_shape: Shape,
    output_shape: Shape,
    data_format: str = "channels_last",
    equation: str | None = None,
) -> int:
    """Returns the multiply-accumulates of a layer for one example.

    `nonzeros * positions`; the bias is not counted. For the dense layer pass
    the size of its kernel as `nonzeros`. Groups, strides and dilation need
    no further care: they are in the kernel's size and the shapes.

    Args:
        kind: Keras class of the layer, see `num_positions`.
        nonzeros: Number of nonzero weights, or one number per kernel (a
            separable convolution has two).
        input_shape: Shape of the layer's input, with the batch axis.
        output_shape: Shape of its output, with the batch axis.
        data_format: `"channels_last"` or `"channels_first"`, for
            convolutions.
        equation: Einsum equation of an `EinsumDense`.

    Returns:
        The number of multiply-accumulates.

    Raises:
        ValueError: As `num_positions`, or if a count is negative.

    Example:

    >>> input_shape, output_shape = (None, 32, 32, 3), (None, 32, 32, 8)
    >>> km.sparsity.layer_macs("Conv2D", 216, input_shape, output_shape)
    221184
    >>> km.sparsity.layer_macs("Conv2D", 22, input_shape, output_shape)
    22528
    """
    single = isinstance(nonzeros, numbers.Integral)
    counts = [nonzeros] if single else list(nonzeros)
    if any(count < 0 for count in counts):
        raise ValueError(
            f"`nonzeros` must not be negative. Received: {nonzeros} for a "
            f"{kind}."
        )
    positions = num_positions(
        kind, input_shape, output_shape, data_format, equation
    )
    return sum(operator.index(count) for count in counts) * positions


@keras_moon_export("sparsity.layer_flops")
def layer_flops(
    macs: float,
    num_outputs: int = 0,
    use_bias: bool = False,
    use_activation: bool = False,
) -> float:
    """Returns the floating-point operations behind a number of MACs.

    By default a MAC counts as two operations. With `num_outputs`, counting
    is that of the MicroNet challenge and of the tables of RigL: summing n
    products takes n - 1 additions, a bias one addition per output (a folded
    batch normalization too), an activation one operation per output.

    Args:
        macs: Multiply-accumulates of the layer; a fraction where they are an
            expectation (`density * dense_macs`).
        num_outputs: Number of output values of the layer for one example.
            Defaults to `0`: two operations per MAC and nothing else.
        use_bias: Whether to count one addition per output for the bias.
        use_activation: Whether to count one operation per output for the
            activation.

    Returns:
        The number of operations, an integer if `macs` is one.

    Raises:
        ValueError: If a number is negative, or if a bias or an activation is
            to be counted and `num_outputs` is 0.

    Example:

    >>> km.sparsity.layer_flops(640)
    1280
    >>> km.sparsity.layer_flops(640, num_outputs=10, use_bias=True)
    1280
    >>> km.sparsity.layer_flops(640, num_outputs=10)
    1270
    """
    if macs < 0 or num_outputs < 0:
        raise ValueError(
            "`macs` and `num_outputs` must not be negative. Received: "
            f"macs={macs}, num_outputs={num_outputs}."
        )
    if num_outputs == 0 and (use_bias or use_activation):
        raise ValueError(
            "Counting bias or activation needs the number of outputs. "
            f"Received: num_outputs=0 with use_bias={use_bias} and "
            f"use_activation={use_activation}."
        )
    # An output without any connection left has no additions to save.
    additions = max(macs - num_outputs, 0)
    return macs + additions + num_outputs * (use_bias + use_activation)


@keras_moon_export("sparsity.kernel_bytes")
def kernel_bytes(size: int, nonzeros: int, bits_per_value: int = 32) -> int:
    """Returns the bytes of a kernel stored as nonzero values and a bitmask.

    The counting of the MicroNet challenge: `bits_per_value` for each
    nonzero, and one bit for each weight unless the kernel is dense. Rounded
    up to whole bytes. A bias is a dense kernel.

    Args:
        size: Number of weights, at least 1.
        nonzeros: How many of them are stored, from 0 to `size`.
        bits_per_value: Bits of one value. Defaults to `32`.

    Returns:
        The number of bytes.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> km.sparsity.kernel_bytes(640, 640)
    2560
    >>> km.sparsity.kernel_bytes(640, 64)
    336
    """
    if size < 1 or not 0 <= nonzeros <= size or bits_per_value < 1:
        raise ValueError(
            "Expected size >= 1, 0 <= nonzeros <= size and bits_per_value "
            f">= 1. Received: size={size}, nonzeros={nonzeros}, "
            f"bits_per_value={bits_per_value}."
        )
    bits = bits_per_value * nonzeros + (size if nonzeros < size else 0)
    return -(-bits // 8)


def _product(axes: Shape, kind: str, name: str, shape: Shape) -> int:
    if any(axis is None for axis in axes):
        raise ValueError(
            f"`{name}` of a {kind} must be known except for the batch. "
            f"Received: {tuple(shape)}. Give the size of the model's input."
        )
    return math.prod(operator.index(axis) for axis in axes)


def _einsum_positions(equation: str | None, input_shape: Shape) -> int:
    """Multiplies the input axes (but the batch) that no kernel axis names."""
    if equation is None:
        raise ValueError(
            "An EinsumDense needs its `equation`. Received: equation=None."
        )
    operands, arrow, _ = equation.replace(" ", "").partition("->")
    inputs, comma, kernel = operands.partition(",")
    if not arrow or not comma:
        raise ValueError(
            "`equation` must have two operands and an output, as "
            f"'ab,bc->ac'. Received: equation={equation!r}."
        )
    head, dots, tail = inputs.partition("...")
    hidden = len(input_shape) - len(head) - len(tail)
    if hidden < 0 or (hidden > 0 and not dots):
        raise ValueError(
            f"`equation` must name the axes of the input. Received: "
            f"equation={equation!r} for input_shape={tuple(input_shape)}."
        )
    # The axes under an ellipsis have no letter; none of them is a kernel's.
    labels = [*head, *range(hidden), *tail]
    free = {
        label: size
        for label, size in list(zip(labels, input_shape, strict=True))[1:]
        if label not in set(kernel) and label != labels[0]
    }
    return _product(
        list(free.values()), "EinsumDense", "input_shape", input_shape
    )
