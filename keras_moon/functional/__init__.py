"""Tensors in, tensors out: the stateless mathematics of the library."""

from keras_moon.functional import calibration as calibration
from keras_moon.functional import masks as masks
from keras_moon.functional import ood_scores as ood_scores
from keras_moon.functional import random_bits as random_bits
from keras_moon.functional import ranking as ranking
