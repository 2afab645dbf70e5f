"""Callbacks whose state must survive a kill, and how they are found."""

import weakref
from collections.abc import Mapping
from typing import Any

import keras

from keras_moon.api_export import keras_moon_export

# Weak on both sides: a callback holds its model, so that a strong reference
# to it here would keep every model alive that was ever trained.
_REGISTRY: weakref.WeakKeyDictionary[
    Any, list["weakref.ref[StatefulCallback]"]
] = weakref.WeakKeyDictionary()


@keras_moon_export("training.StatefulCallback")
class StatefulCallback(keras.callbacks.Callback):
    """A Keras callback with state that a training checkpoint can keep.

    Keras gives a callback no access to its neighbours. One that derives from
    this class registers itself with the model it is set on, so that
    ``TrainingCheckpoint`` finds it wherever it stands in the list. Subclasses
    implement ``get_state`` and ``set_state``.

    Example:

    >>> class CountBatches(km.training.StatefulCallback):
    ...     num_batches = 0
    ...
    ...     def on_train_batch_end(self, batch, logs=None):
    ...         self.num_batches += 1
    ...
    ...     def get_state(self):
    ...         return {"num_batches": self.num_batches}
    ...
    ...     def set_state(self, state):
    ...         self.num_batches = int(state["num_batches"])
    """

    @property
    def state_key(self) -> str:
        """Name of this callback's state in a checkpoint."""
        return type(self).__name__

    def get_state(self) -> dict[str, Any]:
        """Returns the state: a flat dict of NumPy arrays, numbers, strings."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restores what ``get_state`` returned.

        Called in the first ``on_epoch_begin`` of a resumed run, after every
        callback's ``on_train_begin``.
        """

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        # A callback that is used again moves to its place in the new list.
        others = [c for c in _registered(model) if c is not self]
        _REGISTRY[model] = [weakref.ref(c) for c in [*others, self]]


def _registered(model: keras.Model) -> list[StatefulCallback]:
    """The callbacks that were set on a model and still exist."""
    found = [reference() for reference in _REGISTRY.get(model, [])]
    return [callback for callback in found if callback is not None]


@keras_moon_export("training.stateful_callbacks")
def stateful_callbacks(model: keras.Model) -> dict[str, StatefulCallback]:
    """Returns the stateful callbacks of the ``fit`` that is running.

    Args:
        model: The model that is being trained.

    Returns:
        Dict from a unique key to the callback, in registration order. The
        second callback with the same ``state_key`` gets the suffix ``_1``,
        and so on, so that the same callbacks in the same order get the same
        keys in a resumed run.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> km.training.stateful_callbacks(model)
    {}
    """
    registered = _registered(model)
    if registered:
        # Keras hands one params object to all callbacks of a `fit`: it tells
        # them from those of an earlier one, also of one that was interrupted.
        params = registered[-1].params
        registered = [c for c in registered if c.params is params]
        _REGISTRY[model] = [weakref.ref(c) for c in registered]
    keyed: dict[str, StatefulCallback] = {}
    for callback in registered:
        key, count = callback.state_key, 0
        while key in keyed:
            count += 1
            key = f"{callback.state_key}_{count}"
        keyed[key] = callback
    return keyed
