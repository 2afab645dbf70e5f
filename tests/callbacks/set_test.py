"""SET grows at random, needs no gradient, and accepts what RigL cannot."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_moon as km
from keras_moon.functional import random_bits
from keras_moon.layers.tree import masked_kernels
from tests.training.small_runs import AssertExact
from tests.training.small_runs import compiled_classifier
from tests.training.small_runs import fit
from tests.training.small_runs import masks

FLAT = km.sparsity.ConstantDropFraction(0.3)


def test_what_grows_is_a_function_of_seed_layer_and_step():
    """The weakest go; of all that are then inactive, the luckiest come."""
    seen = {}

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen[batch + 1] = {
                path: (
                    ops.convert_to_numpy(kernel.kernel.value).copy(),
                    ops.convert_to_numpy(kernel.mask.value).copy(),
                )
                for path, _, kernel in masked_kernels(self.model)
            }

    model = compiled_classifier()
    callback = km.callbacks.SET(
        update_freq=6, drop_fraction=FLAT, seed=9, stop_step=6
    )
    fit(model, [Look(), callback], epochs=1)
    after = masks(model)
    for index, path in enumerate(after):
        kernel, mask = seen[6][path]
        num_drop = int(np.float32(mask.sum()) * np.float32(0.3))
        keep = mask.copy().ravel()
        weakest = np.argsort(np.where(mask, np.abs(kernel), np.inf).ravel())
        keep[weakest[:num_drop]] = False
        key = random_bits.fold_key(9, index, 6)
        luck = ops.convert_to_numpy(random_bits.uniform(mask.shape, key))
        expected = keep.copy()
        expected[
            np.argsort(np.where(keep, np.inf, -luck.ravel()))[:num_drop]
        ] = 1
        np.testing.assert_array_equal(after[path].ravel(), expected)
        assert not np.array_equal(after[path], mask)


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_it_works_with_accumulated_gradients(steps_per_execution):
    optimizer = keras.optimizers.Adam(0.01, gradient_accumulation_steps=2)
    model = compiled_classifier(
        optimizer, steps_per_execution=steps_per_execution
    )
    callback, exact = km.callbacks.SET(update_freq=2), AssertExact()
    fit(model, [callback, exact], epochs=2)
    assert callback.updater.num_updates == 3
    assert int(optimizer.iterations) == 8


def test_it_needs_no_dense_gradient():
    model = compiled_classifier(sparsify={"dense_gradient": False})
    assert all(kernel.tap is None for _, _, kernel in masked_kernels(model))
    exact = AssertExact()
    fit(model, [km.callbacks.SET(update_freq=4), exact])
    # At step 12 the cosine has come to 0.
    assert exact.changes == [4, 8]


@pytest.mark.parametrize("overwrite", [None, 3])
def test_a_moving_average_of_the_weights_is_sparse_too(overwrite):
    """Without taps Keras's average works; changed connections start anew."""
    optimizer = keras.optimizers.SGD(
        0.1,
        momentum=0.9,
        use_ema=True,
        ema_momentum=0.9,
        ema_overwrite_frequency=overwrite,
    )
    model = compiled_classifier(optimizer, sparsify={"dense_gradient": False})
    callback, exact = km.callbacks.SET(update_freq=4), AssertExact()
    fit(model, [callback, exact])
    assert callback.updater.num_changed > 0


def test_the_average_is_refused_where_keras_would_crash_on_a_tap():
    model = compiled_classifier(keras.optimizers.SGD(use_ema=True))
    with pytest.raises(ValueError, match=r"use_ema=True.*dense_gradient=False"):
        fit(model, km.callbacks.SET(update_freq=4))


def test_muon_is_refused():
    model = compiled_classifier(keras.optimizers.Muon())
    with pytest.raises(ValueError, match="`Muon`.*orthogonalizes"):
        fit(model, km.callbacks.SET(update_freq=4))
