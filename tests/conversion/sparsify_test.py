"""`sparsify` over every kind of model: exact counts, nothing lost."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import walk
from tests.conversion import models
from tests.layers import parity


def all_weights(model):
    return [parity.array(v) for v in model.weights]


def kernels(model):
    return {path: kernel for path, _, kernel in masked_kernels(model)}


def masks(model):
    return {path: parity.array(k.mask) for path, k in kernels(model).items()}


def train(model, shape, steps=2):
    model.compile(keras.optimizers.Adam(0.01), "mse")
    x = parity.data((4, *shape))
    y = np.zeros(model(x).shape)
    model.fit(x, y, batch_size=4, epochs=steps, verbose=0)


def sparsify_quietly(model, **options):
    """No warning is allowed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return km.sparsify(model, **options)


def check_weights(old, sparse, expected):
    """Active weights, and all others but the kernels, keep their values."""
    found = kernels(sparse)
    skip = {
        id(variable)
        for kernel in found.values()
        for variable in (kernel.mask, kernel.tap)
    }
    new = [v for v in sparse.weights if id(v) not in skip]
    by_id = {id(k.kernel): parity.array(k.mask) for k in found.values()}
    for before, variable in zip(old, new, strict=True):
        after = parity.array(variable)
        active = by_id.get(id(variable), np.ones_like(after))
        np.testing.assert_array_equal(after, before * active)
    shapes = {path: tuple(k.kernel.shape) for path, k in found.items()}
    counts = km.sparsity.layer_nonzeros(
        shapes, km.sparsity.uniform(shapes, 0.75)
    )
    for path in expected:
        assert masks(sparse)[path].sum() == counts[path], path
        assert found[path].target_nonzeros == counts[path]


@pytest.mark.parametrize("name", models.ZOO)
def test_every_kind_of_model(name):
    make, shape, expected, in_place = models.ZOO[name]
    model = make()
    model.compile("sgd", lambda y, p: keras.ops.mean((y - p) ** 2))
    model.evaluate(parity.data((1, *shape)), np.zeros(1), verbose=0)
    old, x = all_weights(model), parity.data((3, *shape), seed=4)
    layers_before = [type(layer) for _, layer in walk(model)]
    outputs = parity.array(model(x))

    options = {"sparsity": 0.75, "distribution": "uniform"}
    if in_place:
        with pytest.warns(UserWarning, match="in place.*get_config"):
            sparse = km.sparsify(model, **options)
        assert sparse is model
    else:
        sparse = sparsify_quietly(model, **options)
        assert sparse is not model
        assert isinstance(sparse, type(model))
        assert sparse.name == model.name
    treated = [p for p, k in kernels(sparse).items() if not k.is_dense]
    assert treated == expected
    check_weights(old, sparse, expected)
    assert not sparse.compiled
    assert not np.allclose(parity.array(sparse(x)), outputs)

    train(sparse, shape)
    for path, kernel in kernels(sparse).items():
        off = parity.array(kernel.kernel)[masks(sparse)[path] == 0]
        assert not off.any(), path
    if in_place:
        return
    # The argument: bitwise what it was, compiled, and still trainable.
    assert [type(layer) for _, layer in walk(model)] == layers_before
    for before, after in zip(old, all_weights(model), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(parity.array(model(x)), outputs)
    assert model.compiled
    train(model, shape)


def test_state_beside_weights_is_copied():
    model = models.sequential()
    train(model, (8, 8, 3))
    model.layers[1].trainable = False
    sparse = sparsify_quietly(model, sparsity=0.5)
    norm, copied = model.layers[1], sparse.layers[1]
    assert np.any(parity.array(norm.moving_mean))
    np.testing.assert_array_equal(
        parity.array(norm.moving_mean), parity.array(copied.moving_mean)
    )
    assert not copied.trainable
    assert sparse.layers[0].trainable
    old = model.layers[2].seed_generator.state
    new = sparse.layers[2].seed_generator.state
    assert old is not new
    np.testing.assert_array_equal(np.asarray(old), np.asarray(new))


@pytest.mark.parametrize("make", [models.subclassed, models.sequential])
def test_dtype_policies_are_kept(make):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = make()
    keras.config.set_dtype_policy("float32")
    sparse = sparsify_quietly(model, sparsity=0.5)
    policies = [layer.dtype_policy.name for _, layer in walk(sparse)]
    assert policies == [layer.dtype_policy.name for _, layer in walk(model)]
    assert "mixed_bfloat16" in policies
    assert keras.config.dtype_policy().name == "float32"


def test_magnitude_masks_are_the_largest_weights():
    model = models.nested()
    sparse = sparsify_quietly(model, sparsity=0.7, mask_init="magnitude")
    dense = dict(walk(model))
    for path, kernel in kernels(sparse).items():
        weights = np.abs(parity.array(dense[path].kernel)).ravel()
        largest = np.argsort(-weights, kind="stable")
        expected = np.zeros(weights.size, bool)
        expected[largest[: kernel.target_nonzeros]] = True
        np.testing.assert_array_equal(masks(sparse)[path].ravel(), expected)


def test_masks_follow_the_seed_alone():
    # Automatic names differ between the two: dense, dense_1, ...
    first = masks(sparsify_quietly(models.subclassed(), sparsity=0.5, seed=3))
    again = masks(sparsify_quietly(models.subclassed(), sparsity=0.5, seed=3))
    other = masks(sparsify_quietly(models.subclassed(), sparsity=0.5, seed=4))
    assert set(first) != set(again)
    for old, new in zip(first.values(), again.values(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert any(
        not np.array_equal(old, new)
        for old, new in zip(first.values(), other.values(), strict=True)
    )
    # Two layers of one shape.
    assert not np.array_equal(*list(first.values())[1:3])


@pytest.mark.parametrize("distribution", ["erk", "erdos_renyi", "uniform"])
@pytest.mark.parametrize("rounding", ["floor", "round", "ceil"])
def test_counts_are_those_of_the_distribution(distribution, rounding):
    model = models.functional()
    options = {
        "sparsity": 0.8,
        "distribution": distribution,
        "overrides": {"logits": 0.3},
        "rounding": rounding,
    }
    sparse = sparsify_quietly(model, **options)
    found = {p: k for p, k in kernels(sparse).items() if "depth" not in p}
    shapes = {path: tuple(k.kernel.shape) for path, k in found.items()}
    densities = km.sparsity.distribution(distribution)(
        shapes, 0.8, overrides={"logits": 0.3}, rounding=rounding
    )
    counts = km.sparsity.layer_nonzeros(shapes, densities, rounding)
    assert {p: int(masks(sparse)[p].sum()) for p in found} == counts
    assert sum(counts.values()) < sum(k.size for k in found.values()) / 2


def test_extreme_sparsity_leaves_one_weight_per_layer():
    options = {"sparsity": 0.9999, "distribution": "uniform"}
    sparse = sparsify_quietly(models.nested(), **options)
    assert all(mask.sum() == 1 for mask in masks(sparse).values())


def test_what_cannot_be_treated_is_listed():
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(10, 4, name="embedding"),
            layers.LSTM(4, name="lstm"),
            layers.Dense(4, name="frozen", trainable=False),
            layers.Dense(4, name="quantized"),
            layers.Dense(4, name="adapted"),
            layers.Dense(4, name="treated"),
        ]
    )
    model.get_layer("quantized").quantize("int8")
    model.get_layer("adapted").enable_lora(2)
    with pytest.warns(UserWarning, match="left these layers dense") as caught:
        sparse = km.sparsify(model, sparsity=0.5)
    message = str(caught[0].message)
    for listed in (
        "embedding: Embedding has no sparse counterpart",
        "LSTMCell has no sparse counterpart",
        r"frozen: it is frozen (trainable=False)",
        "quantized: it is quantized (int8)",
        "adapted: it carries LoRA",
    ):
        assert listed in message
    assert list(masks(sparse)) == ["treated"]
    x = np.ones((2, 5), "int32")
    assert sparse.predict(x, verbose=0).shape == (2, 4)


def test_weights_of_the_model_itself_are_listed():
    class Own(models.Bare):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(3, 4), name="table")
            super().build(input_shape)

    model = Own(6)
    model(parity.data((1, 6)))
    with pytest.warns(UserWarning, match="the model itself holds"):
        km.sparsify(model, sparsity=0.5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sparsity": 95}, ValueError, r"\[0, 1\).*95.*pass 0.95"),
        ({"sparsity": -0.1}, ValueError, r"\[0, 1\).*-0.1"),
        ({"mask_init": "zeros"}, ValueError, "`mask_init`.*'zeros'"),
        ({"distribution": "best"}, ValueError, "'best'"),
        ({"rounding": "up"}, ValueError, "`rounding`.*'up'"),
        ({"seed": -1}, ValueError, "`seed`.*seed=-1"),
        ({"exclude": ".*"}, ValueError, "nothing to make sparse"),
        ({"include": lambda layer: False}, ValueError, "nothing to make"),
        ({"include": "nowhere"}, ValueError, "`include`.*'nowhere'"),
    ],
)
def test_wrong_arguments(options, error, message):
    model = models.nested()
    with pytest.raises(error, match=message):
        km.sparsify(model, **options)
    assert not kernels(model)


def test_models_that_cannot_be_converted():
    with pytest.raises(TypeError, match="expected a `keras.Model`.*Dense"):
        km.sparsify(layers.Dense(3))
    with pytest.raises(ValueError, match="not built"):
        km.sparsify(models.Bare())
    model = keras.Sequential([keras.Input((3,)), layers.ReLU()], name="empty")
    with pytest.raises(ValueError, match="'empty' has nothing to make sparse"):
        km.sparsify(model)
    sparse = km.sparsify(models.nested())
    with pytest.raises(ValueError, match="has sparse layers already.*strip"):
        km.sparsify(sparse)
