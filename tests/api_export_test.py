import keras
import pytest

from keras_moon import api_export


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """An empty register, so that the real one keeps its names."""
    monkeypatch.setattr(api_export, "PUBLIC_NAMES", {})
    return api_export.PUBLIC_NAMES


def test_returns_and_lists_the_function(names):
    def halve(x):
        return x / 2

    assert api_export.keras_moon_export("functional.halve")(halve) is halve
    assert names == {"functional.halve": halve}


def test_registers_a_class_that_has_a_config(names):
    @api_export.keras_moon_export("layers.ExportedForTest")
    class ExportedForTest(keras.layers.Layer):
        pass

    name = keras.saving.get_registered_name(ExportedForTest)
    assert name == "keras_moon>ExportedForTest"
    config = keras.saving.serialize_keras_object(ExportedForTest())
    assert config["registered_name"] == name
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is ExportedForTest


def test_leaves_a_class_without_config_unregistered(names):
    @api_export.keras_moon_export("training.PlainForTest")
    class PlainForTest:
        pass

    assert keras.saving.get_registered_name(PlainForTest) == "PlainForTest"
    assert names["training.PlainForTest"] is PlainForTest


def test_a_taken_path_is_an_error(names):
    api_export.keras_moon_export("twice")(len)
    with pytest.raises(ValueError, match="'keras_moon.twice' is taken by.*len"):
        api_export.keras_moon_export("twice")(max)
    assert names == {"twice": len}
