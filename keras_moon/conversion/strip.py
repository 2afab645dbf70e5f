"""From a sparse model back to an ordinary one."""

import keras

from keras_moon.api_export import keras_moon_export
from keras_moon.conversion.cloning import clone_or_self
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.sparse_composite import SparseCompositeMixin
from keras_moon.layers.sparse_composite import make_plain_composite
from keras_moon.layers.swap import make_plain
from keras_moon.layers.tree import walk


@keras_moon_export("strip")
def strip(model: keras.Model) -> keras.Model:
    """Returns an ordinary Keras model with the same outputs.

    Masks and gradient taps are gone, the zeros stay in the kernels. The
    result, saved as `.keras`, loads where keras_moon is not installed. Its
    zeros are stored like other numbers: by itself it is neither smaller nor
    faster than a dense model.

    As with `km.sparsify`, the result is a new, uncompiled model; only where
    Keras cannot clone the argument is it changed in place, with a warning.

    Args:
        model: A Keras model, with sparse layers or without.

    Returns:
        The plain model.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> plain = km.strip(km.sparsify(model, sparsity=0.5))
    >>> type(plain.layers[0]) is keras.layers.Dense
    True
    >>> int(np.count_nonzero(plain.layers[0].kernel))
    16
    """
    return clone_or_self(model, "strip", prepare=_make_all_plain)


def _make_all_plain(model: keras.Model) -> None:
    layers = [model, *(layer for _, layer in walk(model))]
    for layer in layers:
        if isinstance(layer, MaskedKernelMixin):
            make_plain(layer)
    for layer in layers:
        if isinstance(layer, SparseCompositeMixin):
            make_plain_composite(layer)
