"""Exact-count masks against NumPy, under ties and every kind of float."""

import hypothesis.extra.numpy as hnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keras import ops

import keras_moon as km
from keras_moon.functional.masks import apply_mask
from keras_moon.functional.masks import drop_and_grow
from keras_moon.functional.masks import top_k_mask

SHAPE = (3, 4)
FLOATS = st.one_of(
    st.floats(width=32),
    # Few values make many ties.
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-40, np.inf, -np.inf]),
)


def arrays(elements=FLOATS, shape=SHAPE):
    return hnp.arrays(np.float32, shape, elements=elements)


def compiled(function):
    """The function compiled by the backend, with all arguments traced."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


def reference_top_k(scores, k):
    """A stable sort: NaN last, equal numbers by position."""
    flat = np.ravel(scores).astype("float64")
    rank = np.lexsort((np.arange(flat.size), -np.nan_to_num(flat, nan=0.0)))
    order = [i for i in rank if not np.isnan(flat[i])]
    order += [i for i in range(flat.size) if np.isnan(flat[i])]
    mask = np.zeros(flat.size, bool)
    mask[order[:k]] = True
    return mask.reshape(np.shape(scores))


def reference_drop_and_grow(kernel, mask, grow, num_update, regrow=True):
    """Loops over sorted lists of positions; shares nothing with the code."""
    magnitude = np.abs(kernel).ravel()
    grow, active = grow.ravel(), np.flatnonzero(mask)
    inactive = np.flatnonzero(~mask)
    num_update = min(num_update, active.size)
    if not regrow:
        num_update = min(num_update, inactive.size)
    strongest = sorted(active, key=lambda i: (-magnitude[i], i))
    kept = strongest[: active.size - num_update]
    free = sorted(set(range(mask.size)) - set(kept) if regrow else inactive)
    grown = sorted(free, key=lambda i: (-grow[i], i))[:num_update]
    new = np.zeros(mask.size, bool)
    new[list(kept) + list(grown)] = True
    return new.reshape(mask.shape)


traced_top_k = compiled(lambda scores, k: top_k_mask(scores, k))


@given(arrays(), st.integers(0, 12))
def test_top_k_marks_what_a_stable_sort_puts_first(scores, k):
    expected = reference_top_k(scores, k)
    np.testing.assert_array_equal(traced_top_k(scores, np.int32(k)), expected)


@given(st.integers(0, 300), st.integers(1, 3))
@settings(max_examples=30)
def test_top_k_is_exact_where_everything_ties(k, levels):
    scores = (np.arange(300) % levels).astype("float32")
    mask = np.asarray(traced_top_k(scores, np.int32(k)))
    assert mask.sum() == k
    np.testing.assert_array_equal(mask, reference_top_k(scores, k))


def test_top_k_ranks_nan_below_minus_infinity():
    scores = np.array([np.nan, -np.inf, np.nan, 1.0], "float32")
    assert np.asarray(top_k_mask(scores, 2)).tolist() == [0, 1, 0, 1]
    assert np.asarray(top_k_mask(scores, 3)).tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32", "bool"])
def test_top_k_of_other_dtypes(dtype):
    scores = ops.cast(np.array([0.0, 1.0, 0.0, 1.0]), dtype)
    assert np.asarray(top_k_mask(scores, 3)).tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("k", [0, 1, 7, np.int64(12)])
def test_top_k_outside_a_compiled_function(k):
    scores = np.random.default_rng(0).integers(0, 4, SHAPE).astype("float32")
    expected = reference_top_k(scores, k)
    np.testing.assert_array_equal(top_k_mask(scores, k), expected)


def test_top_k_of_no_scores():
    assert tuple(top_k_mask(np.zeros((0, 3), "float32"), 0).shape) == (0, 3)


@pytest.mark.parametrize("k", [-1, 13, np.int64(13)])
def test_top_k_refuses_impossible_counts(k):
    with pytest.raises(ValueError, match=rf"\[0, 12\].*\(3, 4\).*k={k}"):
        top_k_mask(np.zeros(SHAPE, "float32"), k)


traced_drop_and_grow = {
    regrow: compiled(
        lambda kernel, mask, grow, n, regrow=regrow: drop_and_grow(
            kernel, mask, grow, n, regrow_dropped=regrow
        )
    )
    for regrow in (True, False)
}


@given(
    arrays(st.floats(-4, 4, width=16)),
    hnp.arrays(bool, SHAPE),
    arrays(st.floats(0, 4, width=16)),
    st.integers(0, 14),
    st.booleans(),
)
def test_drop_and_grow_equals_the_reference(kernel, mask, grow, n, regrow):
    kernel = np.where(mask, kernel, np.float32(0))
    expected = reference_drop_and_grow(kernel, mask, grow, n, regrow)
    traced = traced_drop_and_grow[regrow](kernel, mask, grow, np.int32(n))
    np.testing.assert_array_equal(traced, expected)


@given(arrays(), hnp.arrays(bool, SHAPE), arrays(), st.integers(0, 14))
def test_drop_and_grow_keeps_the_count_whatever_the_numbers(
    kernel, mask, grow, n
):
    for update in traced_drop_and_grow.values():
        new = np.asarray(update(kernel, mask, grow, np.int32(n)))
        assert new.sum() == mask.sum()


def test_drop_and_grow_by_hand():
    # Active: a=5, b=-0.1, c=0.2, d=-3. Two go: b and c. Of the six free
    # places the gradient is largest at b (0.9), which comes back, then at 6.
    kernel = np.array([5, -0.1, 0.2, -3, 0, 0, 0, 0], "float32")
    mask = kernel != 0
    grow = np.array([9, 0.9, 0.1, 9, 0.2, 0.3, 0.8, 0.4], "float32")
    new = np.asarray(drop_and_grow(kernel, mask, grow, 2))
    assert np.flatnonzero(new).tolist() == [0, 1, 3, 6]
    fresh = np.asarray(drop_and_grow(kernel, mask, grow, 2, False))
    assert np.flatnonzero(fresh).tolist() == [0, 3, 6, 7]


def test_drop_scores_replace_the_magnitude():
    kernel = np.array([1.0, 2.0, 3.0, 0.0], "float32")
    mask = np.array([True, True, True, False])
    grow = np.array([0.0, 0.0, 0.0, 1.0], "float32")
    scores = np.array([5.0, 4.0, 1.0, 9.0], "float32")
    new = drop_and_grow(kernel, mask, grow, 1, drop_scores=scores)
    assert np.asarray(new).tolist() == [True, True, False, True]


def test_active_weights_of_exactly_zero_stay_before_inactive_ones():
    mask = np.array([False, True, False, True, True])
    kernel, grow = np.zeros(5, "float32"), np.zeros(5, "float32")
    assert np.array_equal(drop_and_grow(kernel, mask, grow, 0), mask)
    # Dropped: index 4, the last of three equals; grown: 0, the first.
    new = np.asarray(drop_and_grow(kernel, mask, grow, 1))
    assert np.flatnonzero(new).tolist() == [0, 1, 3]


@pytest.mark.parametrize("num_update", [3, 100])
def test_more_updates_than_connections_move_all(num_update):
    kernel = np.array([1.0, 2.0, 3.0, 0.0, 0.0], "float32")
    grow = np.array([0.0, 0.0, 0.1, 0.3, 0.2], "float32")
    new = np.asarray(drop_and_grow(kernel, kernel != 0, grow, num_update))
    assert np.flatnonzero(new).tolist() == [2, 3, 4]
    # Without regrowth only two free places exist.
    new = drop_and_grow(kernel, kernel != 0, grow, num_update, False)
    assert np.flatnonzero(np.asarray(new)).tolist() == [2, 3, 4]


def test_one_connection_of_a_thousand_moves():
    kernel, mask = np.zeros(1000, "float32"), np.zeros(1000, bool)
    mask[500] = True
    grow = np.arange(1000, dtype="float32")
    assert np.flatnonzero(drop_and_grow(kernel, mask, grow, 1)) == [999]


def test_nan_scores_rank_last():
    kernel = np.array([np.nan, 1.0, 2.0, 0.0, 0.0], "float32")
    mask = np.array([True, True, True, False, False])
    grow = np.array([0.0, 0.0, 0.0, np.nan, 0.1], "float32")
    new = np.asarray(drop_and_grow(kernel, mask, grow, 1))
    assert np.flatnonzero(new).tolist() == [1, 2, 4]


def gradients(function, *arrays):
    """Gradients of a scalar function, by the backend itself."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function, argnums=tuple(range(len(arrays))))(*arrays)
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    return tape.gradient(value, tensors)


@pytest.mark.parametrize("trace", [False, True])
def test_gradients_are_masked_for_the_kernel_and_dense_for_the_tap(trace):
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    mask = np.array([[True, False], [False, True]])
    upstream = np.array([[0.5, 0.6], [0.7, 0.8]], "float32")

    def loss(kernel, tap):
        return ops.sum(apply_mask(kernel, mask, tap) * upstream)

    def both(kernel, tap):
        return gradients(loss, kernel, tap)

    run = compiled(both) if trace else both
    # Whatever the tap holds, it is never read.
    by_kernel, by_tap = run(kernel, np.full((2, 2), np.nan, "float32"))
    np.testing.assert_array_equal(by_kernel, np.where(mask, upstream, 0))
    np.testing.assert_array_equal(by_tap, upstream)


def test_without_a_tap_the_gradient_is_masked():
    mask = np.array([True, False])

    def loss(kernel):
        return ops.sum(apply_mask(kernel, mask) ** 2)

    (gradient,) = gradients(loss, np.array([3.0, 5.0], "float32"))
    assert np.asarray(gradient).tolist() == [6.0, 0.0]


def test_masked_nan_and_infinity_become_zero():
    kernel = np.array([np.nan, np.inf, 2.0], "float32")
    masked = apply_mask(kernel, np.array([False, False, True]))
    assert np.asarray(masked).tolist() == [0.0, 0.0, 2.0]


def test_a_model_with_taps_exports(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    model = km.sparsify(model, sparsity=0.5)
    x = np.random.default_rng(0).normal(size=(2, 8)).astype("float32")
    expected = keras.ops.convert_to_numpy(model(x))
    model.export(tmp_path / "exported", verbose=False)
    # Its variables live as long as the object.
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    served = loaded.serve(x).numpy()
    np.testing.assert_allclose(served, expected, rtol=1e-5, atol=1e-6)
