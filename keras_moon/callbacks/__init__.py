"""Thin Keras callbacks: when masks change, and what the logs say of it."""

from keras_moon.callbacks.mask_update import MaskUpdate as MaskUpdate
from keras_moon.callbacks.rigl import RigL as RigL
from keras_moon.callbacks.set import SET as SET
from keras_moon.callbacks.sparsity_logger import (
    SparsityLogger as SparsityLogger,
)
from keras_moon.callbacks.static_sparse import StaticSparse as StaticSparse
from keras_moon.callbacks.training_checkpoint import (
    TrainingCheckpoint as TrainingCheckpoint,
)
