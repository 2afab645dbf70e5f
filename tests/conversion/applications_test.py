"""Models of keras.applications and KerasHub, without their weights."""

import warnings

import keras
import numpy as np
import pytest

import keras_moon as km
from keras_moon.layers.sparse_composite import plain_class
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import walk
from tests.layers import parity
from tests.sparsity import networks


def sparsify(model, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*in place")
        warnings.filterwarnings("ignore", message=".*left these layers")
        return km.sparsify(model, **options)


def counts(model):
    return {path: k.target_nonzeros for path, _, k in masked_kernels(model)}


def test_mobilenet():
    model = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, weights=None, classes=10
    )
    sparse = sparsify(model, sparsity=0.8)
    found = masked_kernels(sparse)
    convolutions = [
        path
        for path, layer in walk(model)
        if type(layer) in (keras.layers.Conv2D, keras.layers.Dense)
    ]
    assert [path for path, _, _ in found] == convolutions
    assert not any("depthwise" in path for path in convolutions)
    size = sum(kernel.size for _, _, kernel in found)
    active = sum(int(parity.array(k.mask).sum()) for _, _, k in found)
    assert active == sum(counts(sparse).values())
    # One weight per layer at most above the budget.
    assert 0 <= active - 0.2 * size <= len(found)
    x = parity.data((2, 32, 32, 3))
    outputs = parity.array(sparse(x))
    np.testing.assert_allclose(
        parity.array(km.strip(sparse)(x)), outputs, rtol=1e-5, atol=1e-6
    )


def test_resnet50_has_the_densities_of_its_shapes():
    model = keras.applications.ResNet50(weights=None)
    sparse = sparsify(model, sparsity=0.9, dense_gradient=False)
    network = networks.shapes_of(networks.resnet50())
    shapes = {
        path: tuple(layer.kernel.shape)
        for path, layer in walk(model)
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))
    }
    # The published list has the same kernels in another order.
    assert sorted(shapes.values()) == sorted(network.values())
    expected = km.sparsity.layer_nonzeros(
        network, km.sparsity.erdos_renyi_kernel(network, 0.9)
    )
    by_shape = {network[name]: count for name, count in expected.items()}
    found = counts(sparse)
    assert found == {path: by_shape[shape] for path, shape in shapes.items()}
    for _, _, kernel in masked_kernels(sparse):
        assert parity.array(kernel.mask).sum() == kernel.target_nonzeros


def keras_hub():
    hub = pytest.importorskip("keras_hub")
    return hub.models


def make_resnet():
    return keras_hub().ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64],
        stackwise_num_blocks=[1],
        stackwise_num_strides=[1],
        block_type="basic_block",
        image_shape=(16, 16, 3),
    ), parity.data((2, 16, 16, 3))


def make_bert():
    ids = np.array([[1, 2, 3, 0], [4, 5, 6, 7]], "int32")
    return keras_hub().BertBackbone(
        vocabulary_size=20,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=4,
    ), {
        "token_ids": ids,
        "segment_ids": np.zeros_like(ids),
        "padding_mask": (ids > 0).astype("int32"),
    }


@pytest.mark.parametrize(
    ("make", "kernels"), [(make_resnet, 3), (make_bert, 13)]
)
def test_backbones_of_keras_hub(make, kernels, tmp_path):
    model, x = make()
    kinds = [type(layer) for _, layer in walk(model)]
    sparse = sparsify(model, sparsity=0.5)
    assert isinstance(sparse, type(model))
    assert plain_class(sparse) is type(model)
    assert len(counts(sparse)) == kernels
    outputs = sparse(x)
    if isinstance(outputs, dict):
        outputs = outputs["sequence_output"]
    outputs = parity.array(outputs)

    sparse.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert counts(loaded) == counts(sparse)
    plain = km.strip(loaded)
    assert type(plain) is type(model)
    assert [type(layer) for _, layer in walk(plain)] == kinds
    for other in (loaded, plain):
        again = other(x)
        if isinstance(again, dict):
            again = again["sequence_output"]
        np.testing.assert_allclose(
            parity.array(again), outputs, rtol=1e-5, atol=1e-6
        )
