"""Layers turned sparse in place, and back."""

import keras
import numpy as np
import pytest

from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.swap import SPARSE_CLASSES
from keras_moon.layers.swap import make_plain
from keras_moon.layers.swap import make_sparse
from keras_moon.layers.swap import sparse_options
from tests.layers import parity

OPTIONS = {
    "sparsity": 0.5,
    "dense_gradient": True,
    "rounding": "floor",
    "mask_seed": 3,
}
LAYERS = [
    (keras.layers.Dense(4), (2, 6)),
    (keras.layers.EinsumDense("ab,bc->ac", 4, bias_axes="c"), (2, 6)),
    (keras.layers.Conv1D(4, 3, groups=2), (2, 8, 6)),
    (keras.layers.Conv2D(4, 3), (2, 5, 5, 6)),
    (keras.layers.Conv3D(4, 2), (2, 3, 3, 3, 6)),
    (keras.layers.Conv2DTranspose(4, 3), (2, 5, 5, 6)),
    (keras.layers.DepthwiseConv2D(3), (2, 5, 5, 6)),
    (keras.layers.SeparableConv2D(4, 3), (2, 5, 5, 6)),
]


def fresh(template):
    return type(template).from_config(template.get_config())


def test_every_class_is_tried_here():
    assert {type(layer) for layer, _ in LAYERS} == set(SPARSE_CLASSES)


@pytest.mark.parametrize(("template", "shape"), LAYERS)
def test_there_and_back(template, shape):
    layer, inputs = fresh(template), parity.data(shape)
    dense_outputs = parity.array(layer(inputs))
    attributes = set(vars(layer))
    weights = [parity.array(v) for v in layer.weights]

    make_sparse(layer, OPTIONS)
    assert type(layer) is SPARSE_CLASSES[type(template)]
    parity.check_parity(layer, shape)
    sizes = [m.size for m in layer.masked_kernels]
    parity.check_counts(layer, [size - size // 2 for size in sizes])
    assert sparse_options(layer) == OPTIONS
    parity.check_config_round_trip(layer, shape)
    outputs = parity.array(layer(inputs))
    assert not np.allclose(outputs, dense_outputs)

    make_plain(layer)
    assert type(layer) is type(template)
    assert set(vars(layer)) == attributes
    assert [tuple(v.shape) for v in layer.weights] == [w.shape for w in weights]
    np.testing.assert_array_equal(parity.array(layer(inputs)), outputs)
    keras.models.clone_model(keras.Sequential([layer]))


def test_given_masks_are_used_and_active_weights_kept():
    layer = keras.layers.Dense(4)
    layer.build((None, 6))
    kernel = parity.array(layer.kernel)
    mask = np.arange(24).reshape(6, 4) % 2 == 0
    make_sparse(layer, OPTIONS, {"kernel": mask})
    np.testing.assert_array_equal(
        parity.array(layer.masked_kernels[0].mask), mask
    )
    np.testing.assert_array_equal(parity.array(layer.kernel), kernel * mask)


def test_a_mask_with_another_count_is_refused():
    layer = keras.layers.Dense(4)
    layer.build((None, 6))
    with pytest.raises(ValueError, match="have 12 active.*: 24 active"):
        make_sparse(layer, OPTIONS, {"kernel": np.ones((6, 4), bool)})


def test_the_same_layer_object_stays_in_its_graph():
    layer = keras.layers.Dense(4)
    model = keras.Sequential([keras.Input((6,)), layer])
    make_sparse(layer, OPTIONS)
    assert isinstance(model.layers[0], MaskedKernelMixin)
    kernel = parity.array(layer.kernel)
    x = parity.data((3, 6))
    np.testing.assert_allclose(
        model.predict(x, verbose=0), x @ kernel, rtol=1e-5, atol=1e-6
    )


def test_a_layer_is_locked_again():
    layer = keras.layers.Dense(4)
    layer.build((None, 6))
    make_sparse(layer, OPTIONS)
    with pytest.raises(ValueError, match="already built"):
        layer.add_weight(shape=(2,))


def test_methods_that_keras_wraps_are_those_of_the_new_class():
    layer = keras.layers.Dense(4)
    layer.build((None, 6))
    make_sparse(layer, OPTIONS)
    with pytest.raises(ValueError, match="is sparse.*cannot be quantized"):
        layer.quantize("int8")
    make_plain(layer)
    layer.quantize("int8")
    assert layer.quantization_mode == "int8"
