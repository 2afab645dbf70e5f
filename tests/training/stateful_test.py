"""Which callbacks a checkpoint finds: those of this `fit`, in order."""

import gc
import weakref

import keras
import numpy as np
import pytest

import keras_moon as km
from keras_moon.training.stateful import StatefulCallback
from keras_moon.training.stateful import stateful_callbacks


class Counter(StatefulCallback):
    def __init__(self, key=None):
        super().__init__()
        self.key = key
        self.found = None

    @property
    def state_key(self):
        return self.key or super().state_key

    def on_epoch_begin(self, epoch, logs=None):
        self.found = stateful_callbacks(self.model)


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def model_and_fit():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")

    def fit(*callbacks):
        model.fit(
            np.ones((4, 2), "float32"),
            np.ones((4, 1), "float32"),
            verbose=0,
            callbacks=list(callbacks),
        )

    return model, fit


def test_nothing_is_registered_without_fit():
    model, fit = model_and_fit()
    assert stateful_callbacks(model) == {}
    fit(keras.callbacks.TerminateOnNaN())
    assert stateful_callbacks(model) == {}


def test_all_are_found_under_unique_keys_in_their_order():
    model, fit = model_and_fit()
    callbacks = [Counter(), Counter("other"), Counter(), Counter()]
    fit(*callbacks)
    keys = ["Counter", "other", "Counter_1", "Counter_2"]
    assert list(callbacks[0].found) == keys
    assert list(callbacks[0].found.values()) == callbacks


def test_a_suffix_does_not_hit_a_key_that_exists():
    _, fit = model_and_fit()
    callbacks = [Counter("c"), Counter("c_1"), Counter("c")]
    fit(*callbacks)
    assert list(callbacks[0].found) == ["c", "c_1", "c_2"]


def test_those_of_an_earlier_fit_are_gone():
    model, fit = model_and_fit()
    first, second = Counter(), Counter()
    fit(first)
    fit(second)
    assert second.found == {"Counter": second}
    fit(first)
    assert first.found == {"Counter": first}


def test_those_of_an_interrupted_fit_are_gone():
    model, fit = model_and_fit()
    first, second = Counter(), Counter()
    with pytest.raises(KeyboardInterrupt):
        fit(first, Interrupt())
    fit(second)
    assert second.found == {"Counter": second}


def test_a_callback_used_again_takes_its_new_place():
    _, fit = model_and_fit()
    first, second = Counter("first"), Counter("second")
    fit(first, second)
    fit(second, first)
    assert list(first.found) == ["second", "first"]


def test_models_do_not_see_each_other():
    (_, fit_one), (model_two, _) = model_and_fit(), model_and_fit()
    fit_one(Counter())
    assert stateful_callbacks(model_two) == {}


def test_the_registry_keeps_neither_callback_nor_model():
    model, fit = model_and_fit()
    callback = Counter()
    fit(callback)
    references = [weakref.ref(callback), weakref.ref(model)]
    del model, fit, callback
    keras.utils.clear_session()
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_the_callbacks_with_state_are_registered():
    for callback in (
        km.callbacks.RigL(),
        km.callbacks.SET(),
        km.callbacks.SparsityLogger(),
    ):
        assert isinstance(callback, StatefulCallback)
        assert callback.state_key == type(callback).__name__
        callback.set_state(callback.get_state())


def test_the_base_class_has_no_state():
    callback = StatefulCallback()
    assert callback.get_state() == {}
    callback.set_state({})
