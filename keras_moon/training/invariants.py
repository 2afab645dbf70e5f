"""What must hold of a sparse model before, while and after it is trained."""

import keras
import numpy as np
from keras import ops

from keras_moon.layers.masked_kernel import MaskedKernel
from keras_moon.layers.masked_kernel import zero_masked
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import walk


def require_masked_kernels(
    model: keras.Model, user: str
) -> list[tuple[str, keras.layers.Layer, MaskedKernel]]:
    """Returns the masked kernels of a model; raises if it has none."""
    kernels = masked_kernels(model)
    if kernels:
        return kernels
    if not model.built and any(True for _ in walk(model)):
        raise ValueError(
            f"{user} expected a built model. Received: model '{model.name}', "
            "whose layers have no weights yet. Build it, or pass it to "
            "`keras_moon.sparsify` first."
        )
    raise ValueError(
        f"{user} expected a model with sparse layers. Received: model "
        f"'{model.name}' without any. Convert it first: "
        "`model = keras_moon.sparsify(model, sparsity=0.9)`."
    )


def check_counts(model: keras.Model) -> None:
    """Raises unless every layer has exactly its number of connections.

    Also raises if a stored weight is not zero where its mask is.
    """
    for path, _, kernel in masked_kernels(model):
        mask = ops.convert_to_numpy(kernel.mask.value)
        count = int(np.count_nonzero(mask))
        if count != kernel.target_nonzeros:
            raise RuntimeError(
                f"Layer '{path}' must have {kernel.target_nonzeros} active "
                f"connections of {kernel.size}. Its mask has {count}: "
                "something other than keras_moon wrote to it, for example "
                "`set_weights` with the weights of another model."
            )
        stored = np.count_nonzero(
            ops.convert_to_numpy(kernel.kernel.value)[~mask]
        )
        if stored:
            raise RuntimeError(
                f"Layer '{path}' has {stored} stored weights that are not "
                "zero although their mask is. The forward pass ignores them. "
                "An optimizer or regularizer that moves masked weights "
                "cannot be used with sparse layers."
            )


def zero_masked_weights(model: keras.Model) -> None:
    """Sets every stored weight to zero where its mask is."""
    for _, _, kernel in masked_kernels(model):
        zero_masked(kernel)
