"""Sparse convolutions against their parents on the masked kernel."""

import pytest

from keras_moon.layers.sparse_conv import SparseConv1D
from keras_moon.layers.sparse_conv import SparseConv2D
from keras_moon.layers.sparse_conv import SparseConv3D
from tests.layers import parity

CHANNELS_FIRST = {"data_format": "channels_first"}
CASES = [
    (SparseConv1D, {}, (2, 9, 4)),
    (SparseConv1D, {"strides": 2, "padding": "same"}, (2, 9, 4)),
    (SparseConv1D, {"padding": "causal", "dilation_rate": 2}, (2, 9, 4)),
    (SparseConv1D, {"padding": "causal", "strides": 2}, (2, 9, 4)),
    (SparseConv1D, {"padding": "causal", **CHANNELS_FIRST}, (2, 4, 9)),
    (SparseConv1D, CHANNELS_FIRST, (2, 4, 9)),
    (SparseConv1D, {"groups": 2, "use_bias": False}, (2, 9, 4)),
    (SparseConv2D, {}, (2, 7, 8, 4)),
    (SparseConv2D, {"strides": (2, 1), "padding": "same"}, (2, 7, 8, 4)),
    (SparseConv2D, {"dilation_rate": 2, "activation": "relu"}, (2, 7, 8, 4)),
    (SparseConv2D, {"groups": 2, "dense_gradient": False}, (2, 7, 8, 4)),
    (SparseConv2D, CHANNELS_FIRST, (2, 4, 7, 8)),
    (SparseConv2D, {"kernel_size": (1, 3), "use_bias": False}, (2, 7, 8, 4)),
    (SparseConv3D, {"padding": "same"}, (1, 4, 5, 4, 4)),
    (SparseConv3D, {"strides": 2, "use_bias": False}, (1, 4, 5, 4, 4)),
    (SparseConv3D, CHANNELS_FIRST, (1, 4, 4, 5, 4)),
]


@pytest.mark.parametrize(("sparse_class", "arguments", "shape"), CASES)
def test_equals_the_parent(sparse_class, arguments, shape):
    first = "data_format" in arguments
    if first and not parity.supports_channels_first():
        pytest.skip("TensorFlow has no channels_first convolution on CPU")
    options = {"kernel_size": 3, "sparsity": 0.6, **arguments}
    layer = sparse_class(6, **options)
    parity.check_parity(layer, shape)
    size = layer.masked_kernels[0].size
    parity.check_counts(layer, [size - int(0.6 * size)])
    parity.check_config_round_trip(layer, shape)


@pytest.mark.parametrize(
    ("sparse_class", "shape"),
    [
        (SparseConv1D, (2, 4, 9)),
        (SparseConv2D, (2, 4, 7, 8)),
        (SparseConv3D, (1, 4, 4, 5, 4)),
    ],
)
def test_takes_all_arguments_of_the_parent(sparse_class, shape):
    arguments = {
        "filters": 6,
        "kernel_size": 2,
        "strides": 1,
        "padding": "same",
        "data_format": "channels_first",
        "dilation_rate": 2,
        "groups": 2,
        "use_bias": False,
        **parity.KERNEL,
        **parity.COMMON,
    }
    parity.check_takes_all_arguments(sparse_class, arguments, shape)
