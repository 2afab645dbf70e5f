"""SparseSeparableConv2D, the layer with two kernels."""

import numpy as np
import pytest

from keras_moon.layers.sparse_separable_conv import SparseSeparableConv2D
from tests.layers import parity
from tests.layers.sparse_depthwise_conv_test import DEPTHWISE

SHAPE = (2, 7, 8, 4)


@pytest.mark.parametrize(
    ("arguments", "nonzeros"),
    [
        ({}, [18, 12]),
        ({"strides": 2, "padding": "same", "depth_multiplier": 2}, [36, 24]),
        ({"dilation_rate": 2, "use_bias": False}, [18, 12]),
        ({"activation": "relu", "dense_gradient": False}, [18, 12]),
        ({"data_format": "channels_first"}, [18, 12]),
        ({"sparsity": {"pointwise_kernel": 0.75}}, [36, 6]),
        ({"sparsity": {"depthwise_kernel": 0.75}}, [9, 24]),
        (
            {"sparsity": {"depthwise_kernel": 0.25, "pointwise_kernel": 0.5}},
            [27, 12],
        ),
    ],
)
def test_equals_the_parent(arguments, nonzeros):
    shape = SHAPE
    if "data_format" in arguments:
        shape = (2, 4, 7, 8)
        if not parity.supports_channels_first():
            pytest.skip("TensorFlow has no channels_first on CPU")
    layer = SparseSeparableConv2D(6, 3, **{"sparsity": 0.5, **arguments})
    parity.check_parity(layer, shape)
    parity.check_counts(layer, nonzeros)
    parity.check_config_round_trip(layer, shape)


def test_a_dense_kernel_keeps_no_gradient():
    layer = SparseSeparableConv2D(6, 3, sparsity={"pointwise_kernel": 0.5})
    layer.build(SHAPE)
    depthwise, pointwise = layer.masked_kernels
    assert depthwise.is_dense
    assert depthwise.tap is None
    assert pointwise.tap is not None


def test_kernels_of_one_shape_get_different_masks():
    layer = SparseSeparableConv2D(8, 1, sparsity=0.5, depth_multiplier=8)
    layer.build((1, 4, 4, 1))
    first, second = (parity.array(m.mask).ravel() for m in layer.masked_kernels)
    assert not np.array_equal(first, second[:8])


def test_sparsity_of_a_kernel_that_it_does_not_have():
    with pytest.raises(ValueError, match="'depthwise_kernel'.*'kernel'"):
        SparseSeparableConv2D(6, 3, sparsity={"kernel": 0.5})


def test_takes_all_arguments_of_the_parent():
    arguments = {
        "filters": 6,
        "kernel_size": 2,
        "strides": 1,
        "padding": "same",
        "data_format": "channels_first",
        "dilation_rate": 2,
        "depth_multiplier": 2,
        "use_bias": False,
        "pointwise_initializer": "he_normal",
        "pointwise_regularizer": "l2",
        "pointwise_constraint": "max_norm",
        **DEPTHWISE,
        **parity.COMMON,
    }
    shape = (2, 4, 7, 8)
    parity.check_takes_all_arguments(SparseSeparableConv2D, arguments, shape)
