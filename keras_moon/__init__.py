"""keras_moon: sparse networks in Keras 3 that know what they don't know."""

from keras_moon import callbacks as callbacks
from keras_moon import data as data
from keras_moon import functional as functional
from keras_moon import layers as layers
from keras_moon import report as report
from keras_moon import sparsity as sparsity
from keras_moon import training as training
from keras_moon.conversion.sparsify import sparsify as sparsify
from keras_moon.conversion.strip import strip as strip
from keras_moon.conversion.summary import LayerSparsity as LayerSparsity
from keras_moon.conversion.summary import SparsitySummary as SparsitySummary
from keras_moon.conversion.summary import summary as summary

__version__ = "0.1.0"
