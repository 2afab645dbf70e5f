"""Converting whole models: to sparse ones, back, and into tables."""

from keras_moon.conversion.sparsify import sparsify as sparsify
from keras_moon.conversion.strip import strip as strip
from keras_moon.conversion.summary import LayerSparsity as LayerSparsity
from keras_moon.conversion.summary import SparsitySummary as SparsitySummary
from keras_moon.conversion.summary import summary as summary
