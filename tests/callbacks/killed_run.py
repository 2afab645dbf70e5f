"""A training run for `sigkill_test.py`, to be killed and resumed.

Everything that has a state takes part: dropout and augmentation layers (seed
generators), batch normalization, optimizer slots, masks, callbacks before and
after the checkpoint. At the end all of it is written to `--result`.
"""

import argparse
import json
import os
import signal

import keras
import numpy as np

import keras_moon as km
from keras_moon.training.checkpoint import run_variables
from keras_moon.training.stateful import StatefulCallback
from keras_moon.training.stateful import stateful_callbacks

SAMPLES, BATCH_SIZE, EPOCHS = 88, 8, 3


class Kill(keras.callbacks.Callback):
    """Dies without a word at the end of a batch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.place = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) >= self.place:
            os.kill(os.getpid(), signal.SIGKILL)


class Counter(StatefulCallback):
    """Counts hooks, and changes a variable from Python state."""

    def __init__(self):
        super().__init__()
        self.counts = np.zeros(4, "int64")
        self.rate = 0.01

    def on_epoch_begin(self, epoch, logs=None):
        self.counts[0] += 1
        self.model.optimizer.learning_rate = (
            float(self.model.optimizer.learning_rate) * 0.9
        )

    def on_epoch_end(self, epoch, logs=None):
        self.counts[1] += 1

    def on_train_batch_begin(self, batch, logs=None):
        self.counts[2] += 1

    def on_train_batch_end(self, batch, logs=None):
        self.counts[3] += 1
        if self.counts[3] % 3 == 0:
            bias = self.model.layers[-1].bias
            bias.assign(bias.value + 1e-3 * float(self.counts[3]))

    def get_state(self):
        return {"counts": self.counts.copy(), "rate": self.rate}

    def set_state(self, state):
        self.counts = np.array(state["counts"])
        self.rate = float(state["rate"])


def build(options):
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.RandomFlip(seed=1),
            keras.layers.RandomTranslation(0.2, 0.2, seed=2),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3, seed=3),
            keras.layers.Flatten(),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dropout(0.3, seed=4),
            keras.layers.Dense(4),
        ]
    )
    if options.method:
        model = km.sparsify(model, sparsity=0.7, seed=6)
    if options.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    else:
        optimizer = keras.optimizers.Adam(0.01)
    if options.loss_scale:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=options.steps_per_execution,
    )
    return model


def callbacks_of(options, data):
    checkpoint = km.callbacks.TrainingCheckpoint(
        options.directory,
        data=data,
        save_every_steps=options.save_every_steps,
    )
    others = [Counter()]
    if options.method == "rigl":
        others += [km.callbacks.RigL(update_freq=3, drop_fraction=0.5)]
        others += [km.callbacks.SparsityLogger()]
    if options.method == "set":
        others += [km.callbacks.SET(update_freq=3, drop_fraction=0.5)]
        others += [km.callbacks.SparsityLogger()]
    callbacks = [*others, Counter()]
    callbacks.insert(0 if options.first else len(callbacks), checkpoint)
    if options.kill:
        callbacks.append(Kill(*options.kill))
    return callbacks


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory")
    parser.add_argument("--result")
    parser.add_argument("--method", choices=["rigl", "set"])
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--loss_scale", action="store_true")
    parser.add_argument("--steps_per_execution", type=int, default=1)
    parser.add_argument("--save_every_steps", type=int, default=4)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--kill", type=int, nargs=2)
    options = parser.parse_args(arguments)
    random = np.random.default_rng(0)
    x = random.normal(size=(SAMPLES, 8, 8, 1)).astype("float32")
    y = random.integers(0, 4, SAMPLES)
    data = km.data.EpochBatches(x, y, BATCH_SIZE, seed=9)
    model = build(options)
    callbacks = callbacks_of(options, data)
    history = model.fit(
        data,
        epochs=EPOCHS,
        validation_data=(x[:16], y[:16]),
        callbacks=callbacks,
        verbose=0,
    )
    arrays = {
        f"{group}/{index}": keras.ops.convert_to_numpy(v.value)
        for group, variables in run_variables(model).items()
        for index, v in enumerate(variables)
    }
    for key, callback in stateful_callbacks(model).items():
        for name, value in callback.get_state().items():
            arrays[f"callbacks/{key}/{name}"] = np.asarray(value)
    np.savez(options.result, **arrays)
    with open(f"{options.result}.json", "w") as file:
        json.dump({"epoch": history.epoch, **history.history}, file)


if __name__ == "__main__":
    main()
