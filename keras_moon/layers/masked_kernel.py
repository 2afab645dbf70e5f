"""One kernel with its mask and its gradient tap."""

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.functional.masks import apply_mask


@keras_moon_export("layers.MaskedKernel")
@dataclasses.dataclass(frozen=True, eq=False)
class MaskedKernel:
    """One kernel of a sparse layer and what belongs to it.

    Attributes:
        name: Attribute of the layer that holds the kernel, for example
            ``"kernel"`` or ``"pointwise_kernel"``.
        kernel: ``keras.Variable`` with the weights, zero where masked.
        mask: Boolean ``keras.Variable`` of the kernel's shape.
        tap: ``keras.Variable`` that receives the dense gradient in every
            training step, or ``None``.
        target_nonzeros: Integer: how many connections are active, always.

    Example:

    >>> layer = km.layers.SparseDense(10, sparsity=0.9)
    >>> layer.build((None, 64))
    >>> masked = layer.masked_kernels[0]
    >>> masked.name, masked.size, masked.target_nonzeros
    ('kernel', 640, 64)
    """

    name: str
    kernel: Any
    mask: Any
    tap: Any
    target_nonzeros: int

    @property
    def size(self) -> int:
        """Number of weights, active or not."""
        return int(np.prod(self.kernel.shape))

    @property
    def is_dense(self) -> bool:
        """Whether every connection is active, so that no mask is needed."""
        return self.target_nonzeros == self.size


def random_mask(
    shape: tuple[int, ...], num_active: int, seed: int | list[int]
) -> np.ndarray:
    """Returns a boolean array with exactly ``num_active`` random entries."""
    size = int(np.prod(shape))
    mask = np.zeros(size, dtype=bool)
    chosen = np.random.default_rng(seed).permutation(size)[:num_active]
    mask[chosen] = True
    return mask.reshape(shape)


def check_mask(
    mask: np.ndarray, shape: tuple[int, ...], num_active: int, what: str
) -> None:
    """Raises unless a mask has this shape and this number of entries."""
    found = int(np.count_nonzero(mask))
    if mask.shape != shape or found != num_active:
        raise ValueError(
            f"{what} must have {num_active} active connections and the shape "
            f"{shape}. Received: {found} active connections and the shape "
            f"{mask.shape}."
        )


def read(variable: Any) -> Any:
    """The value of a variable as a tensor, autocast where that is on.

    On TensorFlow `convert_to_tensor` may return the `tf.Variable` itself,
    which a custom gradient refuses; reshaping forces the read and is free.
    """
    return ops.reshape(ops.convert_to_tensor(variable), variable.shape)


def zero_masked(masked: MaskedKernel) -> None:
    """Sets a stored kernel to zero where its mask is."""
    kernel, mask = read(masked.kernel), read(masked.mask)
    masked.kernel.assign(apply_mask(kernel, mask))


class ActiveRegularizer:
    """A kernel's regularizer that sees, and moves, active weights only.

    Some have a gradient at zero: the derivative of `abs` is 1 there on JAX,
    and orthogonality mixes all weights of a matrix.
    """

    def __init__(self, regularizer: Any, mask: Any) -> None:
        self.regularizer = regularizer
        self._mask = mask

    def __call__(self, kernel: Any) -> Any:
        kernel = ops.reshape(ops.convert_to_tensor(kernel), kernel.shape)
        return self.regularizer(apply_mask(kernel, read(self._mask)))
