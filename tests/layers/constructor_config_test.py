"""Configurations that classes without `get_config` accept."""

import keras

from keras_moon.layers.constructor_config import constructor_config


class Bare(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


class WithDtype(keras.layers.Layer):
    def __init__(self, units, dtype=None):
        super().__init__(dtype=dtype)
        self.units = units


class WithKeywords(Bare):
    def __init__(self, **kwargs):
        keras.Model.__init__(self, **kwargs)


class WithConfig(Bare):
    def get_config(self):
        return {"name": "kept", "trainable": True, "anything": 1}


def test_keys_of_keras_that_the_class_does_not_take_are_dropped():
    model = Bare()
    config = constructor_config(Bare, model.get_config())
    assert config == {}
    assert isinstance(Bare.from_config(config), Bare)


def test_keys_that_the_class_takes_stay():
    layer = WithDtype(3, dtype="float16")
    config = constructor_config(WithDtype, layer.get_config())
    assert set(config) == {"units", "dtype"}
    assert WithDtype.from_config(config).dtype == "float16"


def test_classes_that_take_anything_or_say_themselves_keep_all():
    for model in (WithKeywords(name="given"), WithConfig()):
        config = model.get_config()
        assert constructor_config(type(model), config) == config


def test_layers_of_keras_keep_all():
    config = keras.layers.Dense(3, name="given").get_config()
    assert constructor_config(keras.layers.Dense, config) == config
