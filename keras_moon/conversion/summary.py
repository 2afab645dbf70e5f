"""What a model weighs and costs, layer by layer."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.conversion.candidates import find_candidates
from keras_moon.conversion.candidates import own_variables
from keras_moon.conversion.multiplications import count_macs
from keras_moon.conversion.multiplications import kernels_of
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import walk
from keras_moon.sparsity.accounting import kernel_bytes
from keras_moon.sparsity.accounting import layer_flops


@keras_moon_export("LayerSparsity")
@dataclasses.dataclass(frozen=True)
class LayerSparsity:
    """One layer with a kernel: a row of `km.summary`.

    Args:
        name: Path of the layer in the model.
        kind: Its class, without the prefix "Sparse".
        shape: Shape of its kernel; a tuple of shapes if it has two.
        size: Number of weights in its kernels.
        nonzeros: How many of them are active (sparse layers) or not zero.
        density: `nonzeros / size`.
        macs: Multiply-accumulates for one example; `None` if not known.
        dense_macs: The same, were the kernels dense.
        flops: Floating-point operations for one example, two per
            multiply-accumulate (`km.sparsity.layer_flops`); `None` if not
            known.
        dense_flops: The same, were the kernels dense.
        sparse: Whether the layer has masks.
        note: Why the layer cannot be made sparse, or an empty string.

    Example:

    >>> model = keras.Sequential(
    ...     [keras.Input((8,)), keras.layers.Dense(4, name="logits")]
    ... )
    >>> (row,) = km.summary(model, print_fn=None).rows
    >>> isinstance(row, km.LayerSparsity), row.name, row.shape, row.flops
    (True, 'logits', (8, 4), 64)
    """

    name: str
    kind: str
    shape: tuple[Any, ...]
    size: int
    nonzeros: int
    density: float
    macs: int | None
    dense_macs: int | None
    flops: int | None
    dense_flops: int | None
    sparse: bool
    note: str


@keras_moon_export("SparsitySummary")
@dataclasses.dataclass(frozen=True)
class SparsitySummary:
    """What `km.summary` returns.

    Args:
        rows: A `km.LayerSparsity` for every layer with a kernel.
        parameters: All weights and biases, without masks and gradient taps.
        nonzeros: Those of them that are active; what is not in a kernel
            (biases, normalization) counts as active.
        density: Active over all weights of the *sparse* layers; 1.0 for a
            dense model.
        macs: Multiply-accumulates for one example of all rows whose own are
            known; `None` if no row's are. Complete if `unknown_macs` is
            empty.
        dense_macs: The same, were all kernels dense.
        flops: Floating-point operations of the same rows, two per
            multiply-accumulate.
        dense_flops: The same, were all kernels dense.
        unknown_macs: Names of the rows that these four leave out: recurrent
            cells, embeddings and other layers whose arithmetic is not known,
            and all rows if the input shape is not.
        mask_values: Number of booleans in masks, not part of `parameters`.
        tap_values: Number of floats in gradient taps, likewise.
        sparse_bytes: Bytes of all parameters with each sparse kernel stored as
            its values and a bitmask.
        dense_bytes: Bytes of all parameters stored densely.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> s = km.summary(model, print_fn=None)
    >>> s.macs, s.flops, s.unknown_macs
    (32, 64, ())
    """

    rows: tuple[LayerSparsity, ...]
    parameters: int
    nonzeros: int
    density: float
    macs: int | None
    dense_macs: int | None
    flops: int | None
    dense_flops: int | None
    unknown_macs: tuple[str, ...]
    mask_values: int
    tap_values: int
    sparse_bytes: int
    dense_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Returns the summary as nested plain Python, ready for JSON."""
        return dataclasses.asdict(self)


@keras_moon_export("summary")
def summary(
    model: keras.Model,
    input_shape: Any = None,
    print_fn: Callable[[str], Any] | None = print,
) -> SparsitySummary:
    """Prints and returns density and cost of every layer with a kernel.

    Multiply-accumulates are theoretical: what hardware that skips zeros
    would do for one example. Bias, normalization, attention products and
    activations are not counted. FLOPs are two per multiply-accumulate.
    Layers whose arithmetic is not known (recurrent cells, embeddings) are
    left out of the totals, and named below the table and in `unknown_macs`.
    Masks and gradient taps, which `model.summary()` counts as parameters,
    are counted apart.

    Args:
        model: A built Keras model, sparse or not.
        input_shape: Shape of one input with its batch axis, or a nest of
            shapes for several, for models whose input shape is not known
            (subclassed, or with variable axes).
        print_fn: Where the table goes; `None` prints nothing.

    Returns:
        A `km.SparsitySummary`.

    Raises:
        ValueError: If the model is not built.

    Example:

    >>> model = keras.Sequential(
    ...     [keras.Input((8,)), keras.layers.Dense(4, name="logits")]
    ... )
    >>> s = km.summary(km.sparsify(model, sparsity=0.75), print_fn=None)
    >>> s.parameters, s.nonzeros, s.density, s.macs, s.dense_macs
    (36, 12, 0.25, 8, 32)
    >>> s.rows[0].name, s.rows[0].nonzeros
    ('logits', 8)
    """
    if not model.built:
        raise ValueError(
            f"`summary` expected a built model. Received: '{model.name}', "
            "which is not. Call it on data, or `model.build(input_shape)`."
        )
    _, untreatable = find_candidates(model)
    macs = count_macs(model, input_shape)
    rows = tuple(
        _row(path, layer, macs, untreatable.get(path, ""))
        for path, layer in walk(model)
        if kernels_of(layer) or path in untreatable
    )
    result = _totals(model, rows)
    if print_fn is not None:
        from keras_moon.conversion.summary_table import summary_table

        print_fn(summary_table(model.name, result))
    return result


def _row(
    path: str,
    layer: keras.layers.Layer,
    macs: dict[int, tuple[int, int]] | None,
    note: str,
) -> LayerSparsity:
    kernels = kernels_of(layer)
    if isinstance(layer, MaskedKernelMixin):
        counts = [
            int(np.count_nonzero(ops.convert_to_numpy(k.mask.value)))
            for k in layer.masked_kernels
        ]
    else:
        if not kernels:
            kernels = [v for v in own_variables(layer) if len(v.shape) >= 2]
        counts = [
            int(np.count_nonzero(ops.convert_to_numpy(k.value)))
            for k in kernels
        ]
    shapes = tuple(tuple(kernel.shape) for kernel in kernels)
    size = sum(int(np.prod(shape)) for shape in shapes)
    layer_macs, dense_macs = (macs or {}).get(id(layer), (None, None))
    return LayerSparsity(
        name=path,
        kind=type(layer).__name__.removeprefix("Sparse"),
        shape=shapes[0] if len(shapes) == 1 else shapes,
        size=size,
        nonzeros=sum(counts),
        density=sum(counts) / size,
        macs=layer_macs,
        dense_macs=dense_macs,
        flops=_flops(layer_macs),
        dense_flops=_flops(dense_macs),
        sparse=isinstance(layer, MaskedKernelMixin),
        note=note,
    )


def _totals(
    model: keras.Model, rows: tuple[LayerSparsity, ...]
) -> SparsitySummary:
    masked = masked_kernels(model)
    hidden = {id(v) for _, _, k in masked for v in (k.mask, k.tap)}
    weights = [v for v in model.weights if id(v) not in hidden]
    parameters = sum(int(np.prod(v.shape)) for v in weights)
    dense_bytes = sum(
        int(np.prod(v.shape)) * _value_bytes(v.dtype) for v in weights
    )
    sparse_bytes = dense_bytes
    for _, _, kernel in masked:
        width = _value_bytes(kernel.kernel.dtype)
        sparse_bytes += kernel_bytes(
            kernel.size, kernel.target_nonzeros, 8 * width
        )
        sparse_bytes -= kernel.size * width
    sparse_rows = [row for row in rows if row.sparse]
    active = sum(row.nonzeros for row in sparse_rows)
    size = sum(row.size for row in sparse_rows)
    known = [row for row in rows if row.macs is not None]
    macs = sum(row.macs for row in known) if known else None
    dense_macs = sum(row.dense_macs for row in known) if known else None
    return SparsitySummary(
        rows=rows,
        parameters=parameters,
        nonzeros=parameters - sum(row.size - row.nonzeros for row in rows),
        density=active / size if size else 1.0,
        macs=macs,
        dense_macs=dense_macs,
        flops=_flops(macs),
        dense_flops=_flops(dense_macs),
        unknown_macs=tuple(row.name for row in rows if row.macs is None),
        mask_values=sum(k.size for _, _, k in masked),
        tap_values=sum(k.size for _, _, k in masked if k.tap is not None),
        sparse_bytes=sparse_bytes,
        dense_bytes=dense_bytes,
    )


def _flops(macs: int | None) -> int | None:
    return None if macs is None else layer_flops(macs)


def _value_bytes(dtype: str) -> int:
    """Bytes of one value; NumPy does not know bfloat16 by name."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
