"""RigL on complete MNIST, where a machine has it.

KERAS_MOON_DATA_DIR names a folder of data sets that TFDS has prepared; without
it the test skips.
"""

import keras
import numpy as np
import pytest

import keras_moon as km

NUM_TRAIN = 12_800
NUM_TEST = 2_000
BATCH_SIZE = 128


@pytest.fixture(scope="module")
def mnist(data_dir):
    import tensorflow_datasets as tfds

    def load(split):
        dataset = tfds.load(
            "mnist",
            split=split,
            data_dir=data_dir,
            download=False,
            batch_size=-1,
            as_supervised=True,
        )
        images, labels = tfds.as_numpy(dataset)
        return images.astype("float32") / 255, labels

    return load(f"train[:{NUM_TRAIN}]"), load(f"test[:{NUM_TEST}]")


def network():
    layers = keras.layers
    # With Keras's momentum of 0.99 the moving statistics are still a third
    # initial values after 100 steps.
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, 2, use_bias=False, name="conv1"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(32, 3, 2, use_bias=False, name="conv2"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(128, "relu", name="hidden"),
            layers.Dense(10, name="logits"),
        ]
    )


def test_rigl_learns_mnist_at_95_percent_sparsity(mnist):
    (x, y), (test_x, test_y) = mnist
    model = km.sparsify(network(), sparsity=0.95, distribution="erk")
    wanted = {
        row.name: row.nonzeros for row in km.summary(model, print_fn=None).rows
    }
    before = masks(model)
    model.compile(
        keras.optimizers.Adam(5e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        km.data.EpochBatches(x, y, batch_size=BATCH_SIZE, seed=0),
        callbacks=[km.callbacks.RigL(update_freq=10)],
        verbose=0,
    )
    assert int(model.optimizer.iterations.value) == 100
    accuracy = model.evaluate(
        test_x, test_y, batch_size=500, verbose=0, return_dict=True
    )["accuracy"]
    assert accuracy > 0.8

    summary = km.summary(model, print_fn=None)
    assert {row.name: row.nonzeros for row in summary.rows} == wanted
    assert summary.density == pytest.approx(0.05, abs=1e-3)
    after = masks(model)
    assert any(np.any(after[name] != before[name]) for name in after)
    for layer in (layer for layer in model.layers if layer.name in wanted):
        (kernel,) = layer.masked_kernels
        values = keras.ops.convert_to_numpy(kernel.kernel.value)
        assert np.all(values[~after[layer.name]] == 0.0)
        assert after[layer.name].sum() == kernel.target_nonzeros


def masks(model):
    """The mask of every sparse layer, by its name."""
    return {
        layer.name: keras.ops.convert_to_numpy(kernel.mask.value) > 0
        for layer in model.layers
        for kernel in getattr(layer, "masked_kernels", ())
    }
