"""A checkpointed training on two devices, to be killed and resumed.

`python -m tests.training.distributed_checkpoint_run <kind> <directory>
<result> <kill step or 0> [<process> <number of processes> <address>]`, for
`distributed_checkpoint_test`. Writes all that the run ends with.
"""

import contextlib
import json
import os
import signal
import sys

from tests.training.distributed_run import start_devices

EPOCHS, BATCH_SIZE, SAVE_EVERY_STEPS = 3, 8, 3


def main(kind, directory, result, kill, process="0", number="1", address=""):
    process, number = int(process), int(number)
    strategy = start_devices(kind, process, number, address)
    scope = strategy.scope() if strategy else contextlib.nullcontext()

    import keras
    import numpy as np

    import keras_moon as km
    from keras_moon.training.checkpoint import run_variables
    from keras_moon.training.replica_values import read_replicas
    from keras_moon.training.stateful import stateful_callbacks
    from tests.training import small_runs

    class Kill(keras.callbacks.Callback):
        """Every process dies at the end of a batch."""

        number = 0

        def on_train_batch_end(self, batch, logs=None):
            self.number += 1
            if self.number == int(kill):
                os.kill(os.getpid(), signal.SIGKILL)

    with scope:
        model = _model()
    x, y = small_runs.data()
    # Other samples in every process, and the same number of batches.
    x, y = x[process::number], y[process::number]
    data = km.data.EpochBatches(x, y, BATCH_SIZE // number, seed=5)
    history = model.fit(
        data,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            km.callbacks.TrainingCheckpoint(
                directory, data=data, save_every_steps=SAVE_EVERY_STEPS
            ),
            km.callbacks.RigL(update_freq=4, stop_fraction=1.0),
            km.callbacks.SparsityLogger(),
            Kill(),
        ],
    )
    arrays = {
        f"{group}/{index}/{variable.path}": read_replicas(variable)
        for group, variables in run_variables(model).items()
        for index, variable in enumerate(variables)
    }
    for key, callback in stateful_callbacks(model).items():
        for name, value in callback.get_state().items():
            arrays[f"callbacks/{key}/{name}"] = np.asarray(value)
    np.savez(result, **arrays)
    with open(f"{result}.json", "w") as file:
        json.dump({"epoch": history.epoch, **history.history}, file)


def _model():
    import keras

    import keras_moon as km
    from tests.training import small_runs

    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((small_runs.FEATURES,)),
            keras.layers.Dense(16, activation="tanh", name="a"),
            keras.layers.Dropout(0.3, seed=4),
            keras.layers.Dense(small_runs.CLASSES, name="b"),
        ]
    )
    model = km.sparsify(model, sparsity=0.7, seed=0)
    model.compile(
        keras.optimizers.Adam(0.02),
        small_runs.loss_function(),
        metrics=["accuracy"],
    )
    return model


if __name__ == "__main__":
    main(*sys.argv[1:])
