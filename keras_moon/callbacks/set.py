"""SET: grow at random."""

from typing import Any

from keras_moon.api_export import keras_moon_export
from keras_moon.callbacks.mask_update import MaskUpdate
from keras_moon.training.connections import ScoreInputs


@keras_moon_export("callbacks.SET")
class SET(MaskUpdate):
    """Drops the weakest weights and grows as many at random.

    Mocanu et al. 2018, sparse evolutionary training (arXiv 1707.04780), with
    the drop rule and schedule that RigL's authors gave it: by magnitude
    regardless of sign, the fraction decaying as a cosine. It needs no dense
    gradient, so it also works with gradient accumulation.

    Args:
        update_freq, drop_fraction, stop_fraction, begin_step, stop_step,
            seed, regrow_dropped, count_rounding: See `MaskUpdate`.

    Raises:
        ValueError: As `MaskUpdate`.

    Example:

    >>> callback = km.callbacks.SET(update_freq=50, drop_fraction=0.2)
    """

    def grow_scores(self, inputs: ScoreInputs) -> Any:
        return inputs.uniform
