"""SparseEinsumDense against EinsumDense on the masked kernel."""

import pytest

from keras_moon.layers.sparse_einsum_dense import SparseEinsumDense
from tests.layers import parity


@pytest.mark.parametrize(
    ("equation", "output_shape", "arguments", "shape"),
    [
        ("ab,bc->ac", 6, {"bias_axes": "c"}, (2, 4)),
        ("abc,cde->abde", (None, 2, 3), {"bias_axes": "de"}, (2, 5, 4)),
        ("abde,dec->abc", (None, 6), {"activation": "relu"}, (2, 5, 2, 2)),
        ("...x,xy->...y", 6, {"bias_axes": "y"}, (2, 5, 4)),
        ("ab,bc->ac", 6, {"dense_gradient": False}, (2, 4)),
    ],
)
def test_equals_the_parent(equation, output_shape, arguments, shape):
    layer = SparseEinsumDense(equation, output_shape, sparsity=0.5, **arguments)
    parity.check_parity(layer, shape)
    parity.check_counts(layer, [12])
    parity.check_config_round_trip(layer, shape)


def test_takes_all_arguments_of_the_parent():
    arguments = {
        "equation": "abc,cd->abd",
        "output_shape": (None, 6),
        "bias_axes": "d",
        **parity.KERNEL,
        **parity.COMMON,
    }
    parity.check_takes_all_arguments(SparseEinsumDense, arguments, (2, 3, 4))
