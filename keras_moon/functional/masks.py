"""Exact-count masks: top-k selection and one drop-and-grow step."""

import numbers
from typing import Any

from keras import ops

from keras_moon.api_export import keras_moon_export

Tensor = Any
_INT32_MIN = -(2**31)
_INT32_MAX = 2**31 - 1
_FLOAT32_LOWEST = -3.4028235e38
_FLOAT32_INFINITY_BITS = 0x7F800000


@keras_moon_export("functional.masks.top_k_mask")
def top_k_mask(scores: Tensor, k: int | Tensor) -> Tensor:
    """Marks exactly the ``k`` largest scores.

    Equal scores are ranked by position: the lower flat index wins. The count
    is therefore exact under ties, unlike ``scores >= threshold``. NaN ranks
    below everything.

    The ``k``-th largest value is found by bisection over the bits of the
    scores, which costs 32 passes whatever ``k`` is, needs no sort, and lets
    ``k`` be a tensor inside a compiled function.

    Args:
        scores: Real tensor of any shape. Compared as float32.
        k: Integer or integer scalar tensor in ``[0, size]``: how many entries
            to mark.

    Returns:
        Boolean tensor of the shape of ``scores`` with exactly ``k`` entries
        ``True``.

    Raises:
        ValueError: If ``k`` is a Python integer outside ``[0, size]``.

    Example:

    >>> scores = np.array([0.5, 2.0, 0.5, 0.1], "float32")
    >>> mask = km.functional.masks.top_k_mask(scores, 2)
    >>> keras.ops.convert_to_numpy(mask).tolist()
    [True, True, False, False]
    """
    scores = ops.cast(scores, "float32")
    size = _size(scores)
    if isinstance(k, numbers.Integral) and not 0 <= k <= size:
        raise ValueError(
            f"`k` must be in [0, {size}] for scores of shape "
            f"{tuple(scores.shape)}. Received: k={k}."
        )
    k = ops.cast(k, "int32")
    keys = _ordered_bits(ops.reshape(scores, (-1,)))

    def count(selected: Tensor) -> Tensor:
        return ops.sum(ops.cast(selected, "int32"))

    # The largest threshold that at least k keys reach, built from its highest
    # bit down. The sign bit goes first: adding 2**31 to it would overflow.
    threshold = ops.where(count(keys >= 0) >= k, 0, _INT32_MIN)
    threshold = ops.cast(threshold, "int32")

    def add_bit(i: Tensor, threshold: Tensor) -> Tensor:
        bit = ops.left_shift(ops.cast(1, "int32"), ops.cast(30 - i, "int32"))
        candidate = threshold + bit
        return ops.where(count(keys >= candidate) >= k, candidate, threshold)

    threshold = ops.fori_loop(0, 31, add_bit, threshold)
    above = keys > threshold
    tied = keys == threshold
    rank_among_tied = ops.cumsum(ops.cast(tied, "int32"))
    chosen = ops.logical_and(tied, rank_among_tied <= k - count(above))
    return ops.reshape(ops.logical_or(above, chosen), scores.shape)


@keras_moon_export("functional.masks.drop_and_grow")
def drop_and_grow(
    kernel: Tensor,
    mask: Tensor,
    grow_scores: Tensor,
    num_update: int | Tensor,
    regrow_dropped: bool = True,
    drop_scores: Tensor | None = None,
) -> Tensor:
    """Moves ``num_update`` connections of one layer to better places.

    The ``num_update`` active connections of smallest magnitude are dropped,
    then as many inactive ones of largest ``grow_scores`` are grown (RigL,
    arXiv 1911.11134, Algorithm 1; SET, arXiv 1707.04780). The number of active
    connections stays exactly what it was. Ties go to the lower flat index.

    As in RigL's code, a connection that was just dropped may be grown again at
    once; its mask bit then never changes, so it keeps weight and optimizer
    state.

    Args:
        kernel: Float tensor: the weights.
        mask: Boolean tensor of the same shape: the active connections.
        grow_scores: Float tensor of the same shape; read only where a
            connection may grow. NaN ranks last.
        num_update: Integer or integer scalar tensor: connections to move.
            More than there are to move means all of them.
        regrow_dropped: Whether just-dropped connections compete for regrowth.
        drop_scores: Float tensor of the same shape; the active connections of
            smallest score are dropped. Defaults to ``abs(kernel)``.

    Returns:
        Boolean tensor: the new mask, with as many ``True`` as ``mask``.

    Example:

    >>> kernel = np.array([3.0, -0.1, 2.0, 0.0, 0.0], "float32")
    >>> mask = np.array([True, True, True, False, False])
    >>> gradient = np.array([0.0, 0.2, 0.0, 0.1, 0.9], "float32")
    >>> new = km.functional.masks.drop_and_grow(kernel, mask, gradient, 1)
    >>> keras.ops.convert_to_numpy(new).tolist()
    [True, False, True, False, True]
    """
    mask = ops.cast(mask, "bool")
    num_active = ops.sum(ops.cast(mask, "int32"))
    num_update = ops.clip(ops.cast(num_update, "int32"), 0, num_active)
    if not regrow_dropped:
        # Only what was inactive before may grow: no more than there is of it.
        num_update = ops.minimum(num_update, _size(mask) - num_active)
    if drop_scores is None:
        drop_scores = ops.abs(ops.cast(kernel, "float32"))
    # Inactive weights rank below every active one, also below those that are
    # exactly zero (in the reference code these can lose to inactive ones).
    keep = top_k_mask(_rank_only(drop_scores, mask), num_active - num_update)
    may_grow = ops.logical_not(keep if regrow_dropped else mask)
    grow = top_k_mask(_rank_only(grow_scores, may_grow), num_update)
    return ops.logical_or(keep, grow)


@keras_moon_export("functional.masks.apply_mask")
def apply_mask(
    kernel: Tensor, mask: Tensor, tap: Tensor | None = None
) -> Tensor:
    """Masks a kernel; optionally lets its dense gradient through a tap.

    The value is ``kernel`` where ``mask`` holds and exactly 0 elsewhere. The
    gradient with respect to ``kernel`` is masked in the same way. With a
    ``tap`` (a tensor of the kernel's shape whose value is never read), the
    gradient with respect to the tap is the full, dense gradient, including
    the inactive connections: what RigL ranks to grow.

    Args:
        kernel: Float tensor: the weights.
        mask: Boolean tensor of the same shape.
        tap: Optional float tensor of the same shape and dtype.

    Returns:
        The masked kernel, of the kernel's shape and dtype.

    Example:

    >>> kernel = np.array([3.0, -0.1], "float32")
    >>> masked = km.functional.masks.apply_mask(kernel, np.array([True, False]))
    >>> keras.ops.convert_to_numpy(masked).tolist()
    [3.0, 0.0]
    """

    if tap is None:
        return _masked(kernel, mask)

    # The mask is an argument: a gradient that closes over a tensor from
    # outside cannot be exported as a SavedModel on JAX.
    @ops.custom_gradient
    def forward(kernel: Tensor, mask: Tensor, tap: Tensor) -> Tensor:
        def gradient(*args: Tensor, upstream: Tensor = None) -> Any:
            # TensorFlow passes the upstream gradient by position, JAX too
            # after Keras's wrapper; PyTorch by name.
            upstream = args[0] if upstream is None else upstream
            return _masked(upstream, mask), None, upstream

        return _masked(kernel, mask), gradient

    return forward(kernel, mask, tap)


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    return ops.where(mask, values, ops.zeros_like(values))


def _size(tensor: Tensor) -> int:
    size = 1
    for dim in tensor.shape:
        size *= int(dim)
    return size


def _ordered_bits(values: Tensor) -> Tensor:
    """Maps float32 to int32 so that the integers order as the floats do.

    Works on bits alone: arithmetic would round denormals to zero on some
    backends and threads, and masks would differ.
    """
    bits = ops.view(values, "int32")
    magnitude = ops.bitwise_and(bits, _INT32_MAX)
    # Of negative numbers those with the larger magnitude come first; -0.0
    # and 0.0 tie.
    ordered = ops.where(bits < 0, -magnitude, magnitude)
    is_nan = magnitude > _FLOAT32_INFINITY_BITS
    return ops.where(is_nan, _INT32_MIN, ordered)


def _rank_only(scores: Tensor, eligible: Tensor) -> Tensor:
    """Scores of what is eligible; all else ranks strictly below it."""
    scores = ops.cast(scores, "float32")
    lowest = ops.logical_or(ops.isnan(scores), scores < _FLOAT32_LOWEST)
    scores = ops.where(lowest, _FLOAT32_LOWEST, scores)
    return ops.where(eligible, scores, -float("inf"))
