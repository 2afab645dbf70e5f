"""SparseConv2DTranspose against its parent on the masked kernel."""

import pytest

from keras_moon.layers.sparse_conv_transpose import SparseConv2DTranspose
from tests.layers import parity


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"strides": 2, "padding": "same"},
        {"strides": 2, "output_padding": 1, "use_bias": False},
        {"strides": 3, "padding": "same", "output_padding": (0, 1)},
        {"activation": "relu", "dense_gradient": False},
        {"dilation_rate": 2},
        {"data_format": "channels_first", "strides": 2},
    ],
)
def test_equals_the_parent(arguments):
    shape = (2, 5, 6, 4)
    if "data_format" in arguments:
        shape = (2, 4, 5, 6)
        if not parity.supports_channels_first():
            pytest.skip("TensorFlow has no channels_first on CPU")
    layer = SparseConv2DTranspose(3, 3, sparsity=0.5, **arguments)
    parity.check_parity(layer, shape)
    parity.check_counts(layer, [54])
    parity.check_config_round_trip(layer, shape)


def test_takes_all_arguments_of_the_parent():
    arguments = {
        "filters": 6,
        "kernel_size": 2,
        "strides": 2,
        "padding": "same",
        "output_padding": 1,
        "data_format": "channels_first",
        "dilation_rate": 1,
        "use_bias": False,
        **parity.KERNEL,
        **parity.COMMON,
    }
    shape = (2, 4, 7, 8)
    parity.check_takes_all_arguments(SparseConv2DTranspose, arguments, shape)
