"""Data sets as NumPy arrays, and out-of-distribution sets for them."""

from keras_moon.data.digits import Digits as Digits
from keras_moon.data.digits import Split as Split
from keras_moon.data.digits import load_digits as load_digits
from keras_moon.data.digits_ood import digits_ood_sets as digits_ood_sets
from keras_moon.data.epoch_batches import EpochBatches as EpochBatches
from keras_moon.data.ood_set import OODSet as OODSet
