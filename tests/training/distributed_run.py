"""A small RigL training on several devices, for `distribution_test`.

`python -m tests.training.distributed_run <kind> <output>` with one of the
kinds below. Writes masks, kernels and the first dense gradients as .npz.
"""

import os
import sys

EPOCHS = 3


def main(kind, output, process="0", num_processes="1", address=""):
    process, num_processes = int(process), int(num_processes)
    strategy = start_devices(kind, process, num_processes, address)
    _train(output, process, num_processes, strategy)


def start_devices(kind, process=0, num_processes=1, address=""):
    """Prepares Keras for a kind of run; returns TensorFlow's strategy."""
    if kind.startswith("jax"):
        os.environ["KERAS_BACKEND"] = "jax"
    if kind == "jax_devices":
        os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    if kind == "jax_processes":
        import jax

        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(
            address, num_processes, process, initialization_timeout=60
        )
    if kind in ("jax_devices", "jax_processes"):
        import keras

        keras.distribution.set_distribution(
            keras.distribution.DataParallel(auto_shard_dataset=False)
        )
    return _mirrored_strategy() if kind == "mirrored" else None


def _mirrored_strategy():
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def _train(output, process, num_processes, strategy):
    import contextlib

    import keras
    import numpy as np
    from keras import ops

    import keras_moon as km
    from keras_moon.layers.tree import masked_kernels
    from tests.training import small_runs

    found = {}

    def note(name, model):
        for path, _, kernel in masked_kernels(model):
            for what in ("mask", "kernel", "tap"):
                value = getattr(kernel, what).value
                for copy, part in enumerate(_copies(strategy, value)):
                    found[f"{name}/{path}/{what}/{copy}"] = np.array(
                        ops.convert_to_numpy(part)
                    )

    class Note(keras.callbacks.Callback):
        """Stands before RigL: sees a batch before the masks change."""

        number = 0

        def on_train_batch_end(self, batch, logs=None):
            self.number += 1
            if self.number in (1, 4):
                note(f"before_{self.number}", self.model)
            if self.number == 5:
                note("first_update", self.model)
            small_runs.assert_exact(self.model)

    class Shard(keras.utils.PyDataset):
        """What this process sees of every global batch."""

        def __init__(self):
            super().__init__()
            self.batches = list(small_runs.batches())

        def __len__(self):
            return len(self.batches)

        def __getitem__(self, index):
            share = len(self.batches[index][0]) // num_processes
            begin = process * share
            return tuple(
                part[begin : begin + share] for part in self.batches[index]
            )

    with strategy.scope() if strategy else contextlib.nullcontext():
        model = small_runs.compiled_classifier()
    rigl = km.callbacks.RigL(update_freq=4, stop_fraction=1.0)
    logger = km.callbacks.SparsityLogger()
    if num_processes > 1:
        model.fit(
            Shard(),
            epochs=EPOCHS,
            shuffle=False,
            verbose=0,
            callbacks=[Note(), rigl, logger],
        )
    else:
        small_runs.fit(model, [Note(), rigl, logger], epochs=EPOCHS)
    note("end", model)
    np.savez(output, updates=rigl.updater.num_updates, **found)


def _copies(strategy, value):
    """The value on every device; the same object under one device."""
    if strategy is not None:
        return strategy.experimental_local_results(value)
    shards = getattr(value, "addressable_shards", None)
    if shards is not None:
        return [shard.data for shard in shards]
    return [value]


if __name__ == "__main__":
    main(*sys.argv[1:])
