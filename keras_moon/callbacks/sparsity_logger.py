"""Density and movement of the masks in the logs of every epoch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.callbacks.mask_update import mask_updater_of
from keras_moon.training.invariants import require_masked_kernels
from keras_moon.training.stateful import StatefulCallback


@keras_moon_export("callbacks.SparsityLogger")
class SparsityLogger(StatefulCallback):
    """Adds what the masks do to the logs at the end of every epoch.

    - `density`: active connections over all weights of the sparse layers.
    - `changed_connections`: connections that moved during this epoch.
    - `explored_fraction`: weights that were ever active, over all weights:
      R_s of Liu et al. 2021 (arXiv 2102.02887).

    The logs are changed in place, so `History`, the progress bar, and every
    `CSVLogger` or `TensorBoard` that stands after this callback show them.
    Put it after `RigL` or `SET`.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> model = km.sparsify(model, sparsity=0.5)
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((8, 8), "float32"), np.ones((8, 4), "float32")
    >>> history = model.fit(
    ...     x, y, verbose=0, callbacks=[km.callbacks.SparsityLogger()]
    ... )
    >>> history.history["density"]
    [0.5]
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed_before = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        require_masked_kernels(self.model, "SparsityLogger")
        self._changed_before = 0

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        kernels = require_masked_kernels(self.model, "SparsityLogger")
        active = sum(
            int(np.count_nonzero(ops.convert_to_numpy(kernel.mask.value)))
            for _, _, kernel in kernels
        )
        density = active / sum(kernel.size for _, _, kernel in kernels)
        updater = mask_updater_of(self.model)
        changed, explored = 0, density
        if updater is not None:
            changed = updater.num_changed - self._changed_before
            explored = updater.exploration.fraction()
            self._changed_before = updater.num_changed
        if logs is not None:
            logs["density"] = density
            logs["changed_connections"] = changed
            logs["explored_fraction"] = explored

    def get_state(self) -> dict[str, Any]:
        return {"changed_before": self._changed_before}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._changed_before = int(state["changed_before"])
