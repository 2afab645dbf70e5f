"""What all sparse layers share: masks, precision, sharing, refusals."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_moon.layers.sparse_conv import SparseConv2D
from keras_moon.layers.sparse_dense import SparseDense
from keras_moon.layers.sparse_einsum_dense import SparseEinsumDense
from keras_moon.layers.swap import make_plain
from keras_moon.layers.swap import make_sparse
from tests.layers import parity

LAYERS = [
    (SparseDense, {"units": 6}, (2, 8)),
    (SparseConv2D, {"filters": 6, "kernel_size": 3}, (2, 5, 5, 3)),
    (
        SparseEinsumDense,
        {"equation": "abc,cd->abd", "output_shape": (None, 6)},
        (2, 3, 8),
    ),
]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(("sparse_class", "arguments", "shape"), LAYERS)
def test_mixed_precision(sparse_class, arguments, shape, policy):
    layer = sparse_class(**arguments, sparsity=0.5, dtype=policy)
    outputs = layer(parity.data(shape))
    half = policy.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(outputs.dtype) == half
    (masked,) = layer.masked_kernels
    assert masked.kernel.dtype == masked.tap.dtype == "float32"
    assert masked.mask.dtype == "bool"
    parity.check_parity(layer, shape, tolerance=2e-2)


def test_a_dense_layer_has_no_mask_work_and_no_tap():
    layer = SparseDense(4, sparsity=0.0)
    layer.build((None, 3))
    (masked,) = layer.masked_kernels
    assert masked.is_dense
    assert masked.tap is None


def test_only_the_dense_gradient_asks_for_a_tap():
    layer = SparseDense(4, sparsity=0.5, dense_gradient=False)
    layer.build((None, 3))
    assert layer.masked_kernels[0].tap is None
    assert len(layer.trainable_variables) == 2


def test_no_kernels_before_building():
    assert SparseDense(4, sparsity=0.5).masked_kernels == []


def test_masks_follow_seed_and_global_seed():
    def mask(**options):
        layer = SparseDense(10, sparsity=0.5, **options)
        layer.build((None, 10))
        return parity.array(layer.masked_kernels[0].mask)

    assert np.array_equal(mask(mask_seed=3), mask(mask_seed=3))
    assert not np.array_equal(mask(mask_seed=3), mask(mask_seed=4))
    keras.utils.set_random_seed(1)
    first, second = mask(), mask()
    assert not np.array_equal(first, second)
    keras.utils.set_random_seed(1)
    assert np.array_equal(first, mask())


def test_the_kernel_is_initialized_as_the_parent_does_where_active():
    initializer = keras.initializers.GlorotUniform(seed=1)
    layer = SparseDense(10, sparsity=0.5, kernel_initializer=initializer)
    layer.build((None, 20))
    twin = keras.layers.Dense(10, kernel_initializer=initializer)
    twin.build((None, 20))
    mask = parity.array(layer.masked_kernels[0].mask)
    expected = parity.array(twin.kernel) * mask
    np.testing.assert_array_equal(parity.array(layer.kernel), expected)


def fit(model, steps=3, optimizer=None):
    model.compile(optimizer or keras.optimizers.Adam(0.05), "mse")
    x = parity.data((8 * steps, *model.input_shape[1:]))
    y = parity.data((8 * steps, *model.output_shape[1:]), seed=1)
    model.fit(x, y, batch_size=8, verbose=0)
    return x, y


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_regularizer": keras.regularizers.L1L2(0.1, 0.1)},
        {"kernel_constraint": keras.constraints.MaxNorm(0.1)},
        {"kernel_constraint": keras.constraints.UnitNorm()},
        {"kernel_constraint": "non_neg"},
        {"kernel_regularizer": keras.regularizers.OrthogonalRegularizer(1.0)},
        {"bias_regularizer": "l2", "activity_regularizer": "l2"},
    ],
)
def test_training_keeps_masked_weights_at_zero(options):
    layer = SparseDense(4, sparsity=0.6, **options)
    model = keras.Sequential([keras.Input((6,)), layer])
    before = parity.array(layer.kernel)
    fit(model, optimizer=keras.optimizers.AdamW(0.05, weight_decay=0.1))
    parity.check_counts(layer, [10])
    assert not np.array_equal(before, parity.array(layer.kernel))


def test_regularizers_see_active_weights_and_come_back_unwrapped():
    l1 = keras.regularizers.L1(0.5)
    layer = keras.layers.Dense(4, kernel_regularizer=l1)
    layer.build((None, 6))
    options = {"dense_gradient": True, "rounding": "floor", "mask_seed": 0}
    make_sparse(layer, {"sparsity": 0.5, **options})
    active = parity.array(layer.masked_kernels[0].mask)
    weights = parity.data((6, 4))
    layer.kernel.assign(weights)
    (loss,) = layer.losses
    expected = 0.5 * np.abs(weights * active).sum()
    np.testing.assert_allclose(parity.array(loss), expected, rtol=1e-5)
    make_plain(layer)
    assert layer.kernel.regularizer is l1


def test_a_layer_called_twice_sums_its_dense_gradients():
    inputs = keras.Input((4,))
    shared = SparseDense(4, sparsity=0.5, use_bias=False)
    model = keras.Model(inputs, shared(ops.tanh(shared(inputs))))
    x, upstream = parity.data((5, 4)), parity.data((5, 4), seed=1)
    found = parity.gradients_of(model, x, upstream)

    plain = keras.layers.Dense(4, use_bias=False)
    twin = keras.Model(inputs, plain(ops.tanh(plain(inputs))))
    plain.kernel.assign(shared.kernel)
    expected = parity.gradients_of(twin, x, upstream)["kernel"]
    mask = parity.array(shared.masked_kernels[0].mask)
    parity.close(found["kernel"], expected * mask, 1e-5)
    parity.close(found["kernel_dense_gradient"], expected, 1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_leaves_the_dense_gradient_of_the_last_step(jit_compile):
    layer = SparseDense(3, sparsity=0.7)
    model = keras.Sequential([keras.Input((5,)), layer])
    x, y = parity.data((8, 5)), parity.data((8, 3), seed=1)
    residual = parity.array(model(x)) - y
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
    model.fit(x, y, batch_size=8, verbose=0)
    # d mean((xW + b - y)^2) / dW, written out.
    expected = x.T @ residual * 2 / residual.size
    found = parity.array(layer.masked_kernels[0].tap)
    parity.close(found, expected, 1e-5)


@pytest.mark.parametrize(("sparse_class", "arguments", "shape"), LAYERS)
def test_quantization_and_lora_are_refused(sparse_class, arguments, shape):
    layer = sparse_class(**arguments, sparsity=0.5, name="given")
    layer.build(shape)
    with pytest.raises(ValueError, match="'given' is sparse.*quantized.*strip"):
        layer.quantize("int8")
    with pytest.raises(ValueError, match="'given' is sparse.*LoRA.*strip"):
        layer.enable_lora(2)
    model = keras.Sequential([keras.Input(shape[1:]), layer])
    with pytest.raises(ValueError, match="'given' is sparse.*quantized"):
        model.quantize("int8")
    parity.check_parity(layer, shape)


@pytest.mark.parametrize(("sparse_class", "arguments", "shape"), LAYERS)
def test_lora_rank_is_refused(sparse_class, arguments, shape):
    layer = sparse_class(**arguments, sparsity=0.5, lora_rank=2, name="given")
    with pytest.raises(ValueError, match="'given' is sparse.*LoRA"):
        layer.build(shape)


@pytest.mark.parametrize("policy", ["int8_from_float32", "float8_from_float32"])
def test_quantized_policies_are_refused(policy):
    with pytest.raises(ValueError, match="'given' is sparse.*quantized"):
        SparseDense(4, sparsity=0.5, dtype=policy, name="given")
    layer = SparseDense(4, sparsity=0.5, name="given")
    layer.dtype_policy = policy
    with pytest.raises(ValueError, match="'given' is sparse.*quantized"):
        layer.build((None, 3))
    layer = SparseDense(4, sparsity=0.5, name="given")
    layer.build((None, 3))
    with pytest.raises(ValueError, match="'given' is sparse.*quantized"):
        layer.dtype_policy = policy


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 95, float("nan")])
def test_impossible_sparsity(sparsity):
    message = r"`sparsity` of layer 'given' must be in \[0, 1\)"
    with pytest.raises(ValueError, match=message):
        SparseDense(4, sparsity=sparsity, name="given")


def test_arguments_of_the_wrong_kind():
    with pytest.raises(TypeError, match="'given' must be a number.*'much'"):
        SparseDense(4, sparsity="much", name="given")
    with pytest.raises(ValueError, match="`rounding` must be.*'up'"):
        SparseDense(4, sparsity=0.5, rounding="up")
    with pytest.raises(ValueError, match="`mask_seed`.*'given'.*-1"):
        SparseDense(4, sparsity=0.5, mask_seed=-1, name="given")


@pytest.mark.parametrize(
    ("rounding", "nonzeros"), [("floor", 3), ("round", 2), ("ceil", 2)]
)
def test_rounding(rounding, nonzeros):
    layer = SparseDense(2, sparsity=0.75, rounding=rounding)
    layer.build((None, 5))
    parity.check_counts(layer, [nonzeros])
