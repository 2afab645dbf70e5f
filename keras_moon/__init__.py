"""keras_moon: sparse networks in Keras 3 that know what they don't know."""

__version__ = "0.1.0"
