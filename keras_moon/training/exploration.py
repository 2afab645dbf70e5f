"""Which weights have ever been active (in-time over-parameterization)."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_moon.layers.tree import masked_kernels

_PREFIX = "explored:"


class Exploration:
    """Remembers which connections of a model were active at some time.

    Their share is R_s of Liu et al. 2021 (arXiv 2102.02887, section 3.2):
    how much of the dense network a sparse training has seen.
    """

    def __init__(self) -> None:
        # Packed bits: an eighth of the masks, on the host.
        self._explored: dict[str, np.ndarray] = {}
        self._sizes: dict[str, int] = {}

    def add(self, model: keras.Model) -> None:
        """Notes the connections that are active now."""
        for path, _, kernel in masked_kernels(model):
            active = np.packbits(ops.convert_to_numpy(kernel.mask.value))
            before = self._explored.get(path, np.zeros_like(active))
            self._explored[path] = before | active
            self._sizes[path] = kernel.size

    def fraction(self) -> float:
        """Returns R_s, in [0, 1]: weights ever active over all weights."""
        total = sum(self._sizes.values())
        explored = sum(
            int(np.unpackbits(bits).sum()) for bits in self._explored.values()
        )
        return explored / total if total else 0.0

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns the packed bits and the size of each kernel."""
        state: dict[str, Any] = {}
        for path, bits in self._explored.items():
            state[f"{_PREFIX}{path}"] = bits
            state[f"size:{path}"] = self._sizes[path]
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `get_state` returned."""
        self._explored, self._sizes = {}, {}
        for key, value in state.items():
            if key.startswith(_PREFIX):
                path = key[len(_PREFIX) :]
                self._explored[path] = np.asarray(value, dtype=np.uint8)
                self._sizes[path] = int(state[f"size:{path}"])
