"""SparseDepthwiseConv2D against its parent on the masked kernel."""

import pytest

from keras_moon.layers.sparse_depthwise_conv import SparseDepthwiseConv2D
from tests.layers import parity

DEPTHWISE = {
    "depthwise_initializer": "he_normal",
    "depthwise_regularizer": "l2",
    "depthwise_constraint": "max_norm",
}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"strides": 2, "padding": "same", "depth_multiplier": 2},
        {"dilation_rate": 2, "use_bias": False},
        {"activation": "relu", "dense_gradient": False},
        {"data_format": "channels_first"},
    ],
)
def test_equals_the_parent(arguments):
    shape = (2, 7, 8, 4)
    if "data_format" in arguments:
        shape = (2, 4, 7, 8)
        if not parity.supports_channels_first():
            pytest.skip("TensorFlow has no channels_first on CPU")
    layer = SparseDepthwiseConv2D(3, sparsity=0.5, **arguments)
    parity.check_parity(layer, shape)
    parity.check_counts(layer, [18 * arguments.get("depth_multiplier", 1)])
    parity.check_config_round_trip(layer, shape)


def test_takes_all_arguments_of_the_parent():
    arguments = {
        "kernel_size": 2,
        "strides": 1,
        "padding": "same",
        "depth_multiplier": 2,
        "data_format": "channels_first",
        "dilation_rate": 2,
        "use_bias": False,
        **DEPTHWISE,
        **parity.COMMON,
    }
    shape = (2, 4, 7, 8)
    parity.check_takes_all_arguments(SparseDepthwiseConv2D, arguments, shape)
