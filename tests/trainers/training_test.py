import keras
import pytest

from tests.trainers.tiny import tiny_config
from trainers.digits_model import build_digits_model
from trainers.training import compile_classifier


def compiled(*arguments, total_steps=10):
    config = tiny_config("", *arguments)
    model = build_digits_model(config.model, (8, 8, 1), 10, seed=0)
    compile_classifier(model, config, total_steps)
    return model


def test_augmentation_does_not_keep_jax_from_compiling():
    jitted = keras.backend.backend() == "jax"
    model = compiled()
    assert model.get_layer("shift").supports_jit == jitted
    if jitted:
        assert model.jit_compile


def test_the_learning_rate_falls_along_a_cosine():
    model = compiled("--learning_rate=0.2", total_steps=8)
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in (0, 4, 8)]
    assert rates == pytest.approx([0.2, 0.1, 0.0], abs=1e-7)


def test_scales_and_biases_do_not_decay():
    model = compiled("--weight_decay=0.01")
    model.optimizer.build(model.trainable_variables)
    decayed = {
        variable.name
        for variable in model.trainable_variables
        if model.optimizer._use_weight_decay(variable)
    }
    assert decayed == {"kernel"}
    assert model.optimizer.weight_decay == 0.01


def test_no_weight_decay():
    assert compiled("--weight_decay=0").optimizer.weight_decay is None
