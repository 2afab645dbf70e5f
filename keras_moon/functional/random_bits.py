"""Reproducible uniform numbers from a key, equal on every backend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_moon.api_export import keras_moon_export

Tensor = Any


@keras_moon_export("functional.random_bits.fold_key")
def fold_key(*parts: int) -> np.ndarray:
    """Folds integers, such as (seed, layer, step), into one random key.

    Args:
        *parts: Integers in [0, 2**64). Their order and number count.

    Returns:
        uint32 array of shape `(2,)`.

    Raises:
        ValueError: If a part is out of range.

    Example:

    >>> key = km.functional.random_bits.fold_key(0, 3, 100)
    >>> key.shape, str(key.dtype)
    ((2,), 'uint32')
    """
    if any(not 0 <= part < 2**64 for part in parts):
        raise ValueError(
            "Seeds, layer indices and steps must be at least 0 and less than "
            f"2**64. Received: {parts}."
        )
    # NumPy pads with zeros and splits large numbers into words: without their
    # number, and two words for each, (1,) would equal (1, 0).
    words = [len(parts)]
    for part in map(int, parts):
        words += [part & 0xFFFFFFFF, part >> 32]
    return np.random.SeedSequence(words).generate_state(2, dtype=np.uint32)


@keras_moon_export("functional.random_bits.uniform")
def uniform(shape: Sequence[int], key: Tensor) -> Tensor:
    """Uniform float32 numbers in [0, 1) that depend on key and position only.

    A counter-based generator: two rounds of the 32-bit MurmurHash3 finalizer
    (Appleby, public domain), each mixed with one word of the key. Unlike the
    backends' own generators it takes a traced key, and gives the same numbers
    on TensorFlow, JAX and NumPy, so that masks agree across backends, devices
    and processes. It serves to rank connections, not for cryptography.

    Args:
        shape: Shape of the result, fewer than 2**31 elements.
        key: uint32 tensor of shape ``(2,)``, see ``fold_key``.

    Returns:
        float32 tensor of the given shape with 24 random bits per element.

    Example:

    >>> key = km.functional.random_bits.fold_key(0, 3, 100)
    >>> u = km.functional.random_bits.uniform((1000,), key)
    >>> bool(0.45 < keras.ops.mean(u) < 0.55)
    True
    """
    size = int(np.prod(shape, dtype=np.int64))
    key = ops.convert_to_tensor(key, dtype="uint32")
    bits = ops.cast(ops.arange(size, dtype="int32"), "uint32")
    bits = _mix(bits * _word(0x9E3779B9) + key[0])
    bits = _mix(ops.bitwise_xor(bits, key[1]))
    # The upper 24 bits are exact in float32.
    bits = ops.cast(ops.right_shift(bits, _word(8)), "int32")
    return ops.reshape(ops.cast(bits, "float32") * 2.0**-24, tuple(shape))


def _word(value: int) -> Tensor:
    return ops.convert_to_tensor(np.uint32(value), dtype="uint32")


def _mix(bits: Tensor) -> Tensor:
    for shift, multiplier in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        bits = ops.bitwise_xor(bits, ops.right_shift(bits, _word(shift)))
        bits = bits * _word(multiplier)
    return ops.bitwise_xor(bits, ops.right_shift(bits, _word(16)))
