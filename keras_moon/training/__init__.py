"""What changes a model while it trains; the only place with backends."""

from keras_moon.training.checkpoint_file import (
    CorruptCheckpointError as CorruptCheckpointError,
)
from keras_moon.training.connections import ScoreInputs as ScoreInputs
from keras_moon.training.dense_gradients import (
    dense_gradients as dense_gradients,
)
from keras_moon.training.mask_updater import MaskUpdater as MaskUpdater
from keras_moon.training.stateful import StatefulCallback as StatefulCallback
from keras_moon.training.stateful import (
    stateful_callbacks as stateful_callbacks,
)
