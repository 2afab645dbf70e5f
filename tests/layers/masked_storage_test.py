"""Files of sparse layers: complete, and never read without their masks."""

import keras
import numpy as np
import pytest

from keras_moon.layers.masked_storage import saved_variables
from keras_moon.layers.sparse_dense import SparseDense
from keras_moon.layers.sparse_separable_conv import SparseSeparableConv2D
from tests.layers import parity


def dense():
    return keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, name="out")]
    )


def sparse(sparsity=0.5, mask_seed=None, **options):
    layer = SparseDense(
        4, sparsity=sparsity, mask_seed=mask_seed, name="out", **options
    )
    return keras.Sequential([keras.Input((6,)), layer])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.weights.h5"


def test_what_is_saved():
    layer = SparseSeparableConv2D(4, 3, sparsity=0.5)
    layer.build((1, 5, 5, 3))
    assert list(saved_variables(layer)) == [
        "depthwise_kernel",
        "depthwise_kernel_mask",
        "pointwise_kernel",
        "pointwise_kernel_mask",
        "bias",
    ]


@pytest.mark.parametrize("use_bias", [True, False])
def test_weights_bring_their_mask(path, use_bias):
    saved = sparse(mask_seed=1, use_bias=use_bias)
    saved.save_weights(path)
    loaded = sparse(mask_seed=2, use_bias=use_bias)
    x = parity.data((3, 6))
    assert not np.allclose(saved(x), loaded(x))
    loaded.load_weights(path)
    np.testing.assert_array_equal(saved(x), loaded(x))
    old, new = saved.layers[0].masked_kernels, loaded.layers[0].masked_kernels
    np.testing.assert_array_equal(
        parity.array(old[0].mask), parity.array(new[0].mask)
    )
    parity.check_counts(loaded.layers[0], [12])


def test_files_hold_no_gradients(path):
    import h5py

    model = sparse()
    model.layers[0].masked_kernels[0].tap.assign(np.ones((6, 4)))
    model.save_weights(path)
    names = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                names.append(name.split("/")[-1])
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    assert sorted(names) == ["bias", "kernel", "kernel_mask"]


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_a_dense_file_does_not_load_into_a_sparse_model(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    dense().save_weights(path) if "weights" in suffix else dense().save(path)
    model = sparse()
    before = [parity.array(v) for v in model.weights]
    with pytest.raises(ValueError):
        model.load_weights(path)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, parity.array(new))


def test_the_message_for_a_dense_file(path):
    dense().save_weights(path)
    message = "'.*out' is sparse.*kernel_mask.*Received.*mask_init='magnitude'"
    with pytest.raises(ValueError, match=message):
        sparse().load_weights(path)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_a_sparse_file_does_not_load_into_a_dense_model(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    sparse().save_weights(path) if "weights" in suffix else sparse().save(path)
    with pytest.raises((ValueError, KeyError)):
        dense().load_weights(path)


def test_a_file_of_another_sparsity(path):
    sparse(sparsity=0.25).save_weights(path)
    message = "mask of 'kernel'.*'.*out' must have 12.*of 24.*with 18"
    with pytest.raises(ValueError, match=message):
        sparse(sparsity=0.5).load_weights(path)


def test_a_file_of_another_shape(path):
    small = keras.Sequential(
        [keras.Input((12,)), SparseDense(2, sparsity=0.5, name="out")]
    )
    small.save_weights(path)
    with pytest.raises(ValueError, match=r"\(12, 2\)"):
        sparse(sparsity=0.5).load_weights(path)


def test_stored_zeros_are_restored_on_saving_and_loading(path):
    model = sparse()
    layer = model.layers[0]
    layer.kernel.assign(np.ones((6, 4)))
    model.save_weights(path)
    parity.check_counts(layer, [12])


def test_unbuilt_layers_round_trip(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([SparseDense(4, sparsity=0.5)]).save(path)
    loaded = keras.models.load_model(path)
    assert loaded.layers[0].sparsity == 0.5
    assert not loaded.built


def test_half_precision_weights_round_trip(path):
    saved = sparse(mask_seed=1, dtype="bfloat16")
    saved.save_weights(path)
    loaded = sparse(mask_seed=2, dtype="bfloat16")
    loaded.load_weights(path)
    x = parity.data((3, 6))
    np.testing.assert_array_equal(
        parity.array(saved(x)), parity.array(loaded(x))
    )
