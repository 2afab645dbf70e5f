"""The checks around a training, each made to fail."""

import keras
import numpy as np
import pytest

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from keras_moon.training.invariants import check_counts
from keras_moon.training.invariants import require_masked_kernels
from keras_moon.training.invariants import zero_masked_weights
from tests.training.small_runs import assert_exact
from tests.training.small_runs import classifier


def test_masked_kernels_are_returned_with_their_paths():
    found = require_masked_kernels(classifier(), "Test")
    assert [path for path, _, _ in found] == ["a", "b"]


def test_a_dense_model_is_refused():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2)], name="plain"
    )
    with pytest.raises(ValueError, match="RigL.*'plain' without any.*sparsify"):
        require_masked_kernels(model, "RigL")


def test_a_model_without_weights_is_told_to_build():
    model = keras.Sequential([km.layers.SparseDense(2, sparsity=0.5)])
    with pytest.raises(ValueError, match="RigL expected a built model"):
        require_masked_kernels(model, "RigL")


def test_counts_hold_at_the_start():
    check_counts(classifier())


def test_a_mask_with_another_count_is_named():
    model = classifier()
    _, (path, _, kernel) = masked_kernels(model)
    kernel.mask.assign(np.ones(kernel.mask.shape, bool))
    with pytest.raises(
        RuntimeError,
        match=rf"'{path}' must have {kernel.target_nonzeros} active "
        rf"connections of 48\. Its mask has 48",
    ):
        check_counts(model)


@pytest.mark.parametrize("value", [1e-30, np.nan])
def test_a_weight_under_the_mask_is_named(value):
    model = classifier()
    (_, _, kernel), _ = masked_kernels(model)
    stored = np.array(kernel.kernel)
    mask = np.array(kernel.mask)
    stored[tuple(np.argwhere(~mask)[0])] = value
    kernel.kernel.assign(stored)
    with pytest.raises(RuntimeError, match="'a' has 1 stored weights"):
        check_counts(model)
    zero_masked_weights(model)
    check_counts(model)


def test_zeroing_keeps_active_weights():
    model = classifier()
    before = {p: np.array(k.kernel) for p, _, k in masked_kernels(model)}
    for _, _, kernel in masked_kernels(model):
        kernel.kernel.assign(np.array(kernel.kernel) + ~np.array(kernel.mask))
    zero_masked_weights(model)
    assert_exact(model)
    for path, _, kernel in masked_kernels(model):
        np.testing.assert_array_equal(kernel.kernel, before[path])
