"""RigL: grow where the gradient is largest."""

from typing import Any

from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.callbacks.mask_update import MaskUpdate
from keras_moon.training.connections import ScoreInputs


@keras_moon_export("callbacks.RigL")
class RigL(MaskUpdate):
    """Drops the weakest weights and grows where the gradient is largest.

    Evci et al. 2020, "Rigging the Lottery" (arXiv 1911.11134, Algorithm 1).
    The gradient is that of the batch of the update step, at all weights,
    active or not; `km.sparsify` prepares the layers to keep it
    (`dense_gradient=True`, its default). The paper's settings are the
    defaults: every 100 steps, 0.3 with cosine decay, up to 75 % of training.

    Args:
        update_freq, drop_fraction, stop_fraction, begin_step, stop_step,
            seed, regrow_dropped, count_rounding: See `MaskUpdate`.

    Raises:
        ValueError: As `MaskUpdate`; also with gradient accumulation, which
            keeps no mean of dense gradients, and with an optimizer that
            averages weights (`use_ema`).

    Example:

    >>> x = np.random.default_rng(0).normal(size=(64, 16)).astype("float32")
    >>> y = np.arange(64) % 4
    >>> model = keras.Sequential(
    ...     [keras.Input((16,)), keras.layers.Dense(32, activation="relu"),
    ...      keras.layers.Dense(4)]
    ... )
    >>> model = km.sparsify(model, sparsity=0.8)
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile("adam", loss)
    >>> rigl = km.callbacks.RigL(update_freq=4)
    >>> history = model.fit(
    ...     x, y, batch_size=8, epochs=2, verbose=0, callbacks=[rigl]
    ... )
    >>> rigl.updater.num_updates
    3
    """

    needs_dense_gradient = True

    def grow_scores(self, inputs: ScoreInputs) -> Any:
        return ops.abs(inputs.gradient)
