"""Fixed masks, with the same checks as the methods that move them."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_moon.api_export import keras_moon_export
from keras_moon.training.dense_gradients import check_moving_average
from keras_moon.training.invariants import check_counts
from keras_moon.training.invariants import require_masked_kernels
from keras_moon.training.invariants import zero_masked_weights
from keras_moon.training.optimizer_slots import check_elementwise


@keras_moon_export("callbacks.StaticSparse")
class StaticSparse(keras.callbacks.Callback):
    """Trains with the masks as they are: the static sparse baseline.

    The layers hold their masks by themselves; this callback checks at the
    start that the model is sparse and its optimizer leaves masked weights
    alone, and at the end of every epoch that each layer has exactly its
    number of connections. Beside `RigL` or `SET` it does no harm: they make
    the same checks.

    Raises:
        ValueError: At the start of `fit`, if the model has no sparse layers
            or the optimizer's update is dense (Muon).
        RuntimeError: If a layer misses its count.

    Example:

    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    >>> model = km.sparsify(model, sparsity=0.5)
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((8, 8), "float32"), np.ones((8, 4), "float32")
    >>> history = model.fit(
    ...     x, y, verbose=0, callbacks=[km.callbacks.StaticSparse()]
    ... )
    """

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        model = self.model
        require_masked_kernels(model, "StaticSparse")
        check_elementwise(model.optimizer)
        check_moving_average(model, model.optimizer)
        zero_masked_weights(model)

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        check_counts(self.model)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        check_counts(self.model)
