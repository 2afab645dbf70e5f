import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops
from scipy.special import logsumexp
from scipy.special import softmax

from keras_moon.functional import ood_scores

ALL = [ood_scores.msp, ood_scores.max_logit, ood_scores.energy]
REFERENCES = {
    "msp": lambda z, k: softmax(z, axis=-1)[..., :k].max(-1),
    "max_logit": lambda z, k: z[..., :k].max(-1),
    "energy": lambda z, k: logsumexp(z[..., :k], axis=-1),
}

logits_arrays = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=5),
    elements=st.floats(-1000, 1000, width=32),
)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@settings(max_examples=20, deadline=None)
@given(logits_arrays, st.data())
def test_scores_equal_float64_references(logits, data):
    outputs = logits.shape[-1]
    known = data.draw(st.none() | st.integers(1, outputs))
    for score in ALL:
        expected = REFERENCES[score.__name__](
            logits.astype(np.float64), known or outputs
        )
        result = numpy(score(logits, num_classes=known))
        assert result.shape == logits.shape[:-1]
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_hand_computed():
    logits = np.log(np.array([[1.0, 2.0, 5.0]], "float32"))
    np.testing.assert_allclose(numpy(ood_scores.msp(logits)), [5 / 8])
    np.testing.assert_allclose(
        numpy(ood_scores.msp(logits, num_classes=2)), [2 / 8], rtol=1e-6
    )
    np.testing.assert_allclose(
        numpy(ood_scores.energy(logits)), [np.log(8.0)], rtol=1e-6
    )
    np.testing.assert_allclose(
        numpy(ood_scores.energy(logits, num_classes=2)),
        [np.log(3.0)],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        numpy(ood_scores.max_logit(logits, num_classes=2)),
        [np.log(2.0)],
        rtol=1e-6,
    )


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1, 10.0, 1000.0])
def test_energy_temperature(temperature):
    logits = np.random.default_rng(0).normal(0, 300, (50, 7))
    expected = temperature * logsumexp(logits / temperature, axis=-1)
    np.testing.assert_allclose(
        numpy(ood_scores.energy(logits.astype("float32"), temperature)),
        expected,
        rtol=1e-5,
    )


def test_energy_does_not_overflow():
    logits = np.array([[1000.0, -1000.0], [-1000.0, -1000.0]], "float32")
    np.testing.assert_allclose(
        numpy(ood_scores.energy(logits)),
        [1000.0, -1000.0 + np.log(2.0)],
        rtol=1e-6,
    )
    np.testing.assert_array_equal(numpy(ood_scores.msp(logits)), [1.0, 0.5])


@pytest.mark.parametrize("score", ALL)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32"])
def test_low_precision_is_scored_in_float32(score, dtype):
    values = np.array([[3.0, 2.0, 1.0], [-4.0, 0.0, 5.0]], "float32")
    result = score(ops.cast(values, dtype))
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    np.testing.assert_allclose(numpy(result), numpy(score(values)), rtol=1e-6)


@pytest.mark.parametrize("score", [ood_scores.msp, ood_scores.energy])
def test_bfloat16_scores_are_not_rounded_together(score):
    # In bfloat16 these two samples would get one and the same score.
    logits = ops.cast(
        np.array([[4.0, 1.0], [4.0, 1.0078125]], "float32"), "bfloat16"
    )
    first, second = numpy(score(logits))
    assert first != second


def test_float64_is_kept_where_the_backend_has_it():
    logits = ops.convert_to_tensor(np.array([[1.0, 2.0]], "float64"))
    expected = keras.backend.standardize_dtype(logits.dtype)
    for score in ALL:
        dtype = keras.backend.standardize_dtype(score(logits).dtype)
        assert dtype == expected


@pytest.mark.parametrize("score", ALL)
def test_confident_logits_score_higher(score):
    confident, unsure = numpy(
        score(np.array([[9.0, 0.0, 0.0], [1.0, 0.5, 0.5]], "float32"))
    )
    assert confident > unsure


def test_mass_on_the_unknown_output_lowers_msp_and_leaves_the_others():
    known = np.array([[3.0, 0.0]], "float32")
    low = np.concatenate([known, [[-5.0]]], axis=-1).astype("float32")
    high = np.concatenate([known, [[5.0]]], axis=-1).astype("float32")
    assert numpy(ood_scores.msp(low, 2)) > numpy(ood_scores.msp(high, 2))
    for score in (ood_scores.max_logit, ood_scores.energy):
        np.testing.assert_array_equal(
            numpy(score(low, num_classes=2)), numpy(score(high, num_classes=2))
        )
        np.testing.assert_array_equal(
            numpy(score(low, num_classes=2)), numpy(score(known))
        )


@pytest.mark.parametrize("score", ALL)
def test_works_in_a_compiled_model(score):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Lambda(score)(inputs))
    logits = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    np.testing.assert_allclose(
        model.predict(logits, verbose=0), numpy(score(logits)), rtol=1e-5
    )


@pytest.mark.parametrize("score", ALL)
def test_num_classes_errors(score):
    logits = np.zeros((2, 3), "float32")
    for wrong in (0, -1, 4):
        with pytest.raises(ValueError, match=rf"num_classes={wrong} .*\(2, 3"):
            score(logits, num_classes=wrong)
    with pytest.raises(TypeError, match=r"integer.*num_classes=2\.0.*float"):
        score(logits, num_classes=2.0)
    with pytest.raises(ValueError, match="last axis of classes.*scalar"):
        score(np.float32(1.0))
    np.testing.assert_array_equal(
        numpy(score(logits, num_classes=np.int64(3))), numpy(score(logits))
    )


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf"), "1"])
def test_temperature_errors(wrong):
    with pytest.raises(ValueError, match="finite number above 0.*temperature="):
        ood_scores.energy(np.zeros((1, 2), "float32"), temperature=wrong)
