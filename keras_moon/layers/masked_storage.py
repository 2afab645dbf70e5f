"""Saving and loading a sparse layer so that no mask is ever lost.

The variables are saved under their names, not under the numbers that dense
layers use. Keras then refuses to load a sparse file into a dense layer.
"""

from typing import Any

import numpy as np
from keras import ops

from keras_moon.layers.masked_kernel import zero_masked


def saved_variables(layer: Any) -> dict[str, Any]:
    """Returns what is saved of a sparse layer, by name; no taps."""
    saved = {}
    for masked in layer.masked_kernels:
        saved[masked.name] = masked.kernel
        saved[f"{masked.name}_mask"] = masked.mask
    if getattr(layer, "bias", None) is not None:
        saved["bias"] = layer.bias
    return saved


def save_masked(layer: Any, store: Any) -> None:
    """Writes kernels, masks and bias of a layer into a Keras store."""
    for masked in layer.masked_kernels:
        # Whatever wrote there: the forward pass never read it.
        zero_masked(masked)
    for name, variable in saved_variables(layer).items():
        store[name] = variable


def load_masked(layer: Any, store: Any) -> None:
    """Reads them back; raises if a mask is missing or has another count."""
    expected = saved_variables(layer)
    if not expected and not len(store.keys()):
        return
    if set(store.keys()) != set(expected):
        raise ValueError(
            f"Layer '{layer.path}' is sparse and expected {sorted(expected)} "
            f"in the file. Received: {sorted(store.keys())}. A file of a "
            "dense model has no masks: load it into the dense model, then "
            "sparsify that one with mask_init='magnitude'."
        )
    for masked in layer.masked_kernels:
        count = int(np.count_nonzero(store[f"{masked.name}_mask"]))
        if count != masked.target_nonzeros:
            raise ValueError(
                f"The mask of '{masked.name}' of layer '{layer.path}' must "
                f"have {masked.target_nonzeros} active connections of "
                f"{masked.size}. Received a file with {count}. Sparsify with "
                "the sparsity, distribution and overrides that the file was "
                "made with."
            )
    for name, variable in expected.items():
        variable.assign(ops.cast(np.asarray(store[name]), variable.dtype))
    for masked in layer.masked_kernels:
        zero_masked(masked)
