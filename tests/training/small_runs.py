"""A small sparse classifier, its data, and what the engine tests ask of it."""

import keras
import numpy as np
from keras import ops

import keras_moon as km
from keras_moon.layers.tree import masked_kernels

CLASSES = 3
FEATURES = 12


def data(size=64):
    """Random inputs with learnable classes, the same ones in every call."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(size, FEATURES)).astype("float32")
    y = np.argmax(x @ rng.normal(size=(FEATURES, CLASSES)), axis=1)
    return x, y.astype("int32")


def classifier(sparsity=0.7, **kwargs):
    """Two sparse layers, 'a' and 'b', with the same weights in every call."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(16, activation="tanh", name="a"),
            keras.layers.Dense(CLASSES, name="b"),
        ]
    )
    return km.sparsify(model, sparsity=sparsity, seed=0, **kwargs)


def loss_function():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compiled_classifier(optimizer=None, sparsity=0.7, sparsify=None, **kwargs):
    """`kwargs` go to `compile`, those in `sparsify` to `sparsify`."""
    model = classifier(sparsity, **(sparsify or {}))
    if optimizer is None:
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, loss_function(), **kwargs)
    return model


def fit(model, callbacks, epochs=2, batch_size=8, **kwargs):
    """Trains on `data()` in its order: 8 batches in an epoch."""
    if not isinstance(callbacks, list):
        callbacks = [callbacks]
    x, y = data()
    return model.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
        **kwargs,
    )


def batches(batch_size=8, epochs=1):
    """The batches that `fit` above trains on, one after the other."""
    x, y = data()
    for _ in range(epochs):
        for begin in range(0, len(x), batch_size):
            yield x[begin : begin + batch_size], y[begin : begin + batch_size]


def masks(model):
    return {
        path: np.array(ops.convert_to_numpy(kernel.mask.value))
        for path, _, kernel in masked_kernels(model)
    }


def kernels(model):
    return {
        path: np.array(ops.convert_to_numpy(kernel.kernel.value))
        for path, _, kernel in masked_kernels(model)
    }


def masks_equal(first, second):
    return first.keys() == second.keys() and all(
        np.array_equal(first[path], second[path]) for path in first
    )


def overlap(first, second):
    """Share of the active connections of `first` that `second` has too."""
    both = sum(int((first[path] & second[path]).sum()) for path in first)
    return both / sum(int(mask.sum()) for mask in first.values())


def assert_exact(model):
    """Every layer has its count, and exact zeros where its mask is zero."""
    for path, _, kernel in masked_kernels(model):
        mask = ops.convert_to_numpy(kernel.mask.value)
        stored = ops.convert_to_numpy(kernel.kernel.value)
        assert np.count_nonzero(mask) == kernel.target_nonzeros, path
        assert np.all(stored[~mask] == 0.0), path


class AssertExact(keras.callbacks.Callback):
    """Checks `assert_exact` at every batch, and keeps the masks it saw."""

    def __init__(self):
        super().__init__()
        self.history = []

    def on_train_batch_end(self, batch, logs=None):
        assert_exact(self.model)
        self.history.append(masks(self.model))

    @property
    def changes(self):
        """Numbers (from 1) of the batches after which masks had changed."""
        return [
            index + 2
            for index, (before, after) in enumerate(
                zip(self.history, self.history[1:], strict=False)
            )
            if not masks_equal(before, after)
        ]
