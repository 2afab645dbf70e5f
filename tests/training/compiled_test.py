"""Compiled functions compute what the plain ones do, and are traced once."""

import numpy as np
from keras import ops

from keras_moon.training.compiled import compile_function


def test_nested_lists_go_in_and_come_out():
    def double(tensors, nested, factor):
        return [t * factor for t in tensors], [
            [ops.sum(t) for t in inner] for inner in nested
        ]

    tensors = [np.array([1.0, 2.0], "float32"), np.ones((2, 2), "float32")]
    nested = [[np.array([3.0], "float32")], []]
    doubled, sums = compile_function(double)(tensors, nested, np.float32(2.0))
    np.testing.assert_array_equal(doubled[0], [2.0, 4.0])
    np.testing.assert_array_equal(doubled[1], np.full((2, 2), 2.0))
    assert float(sums[0][0]) == 3.0
    assert list(sums[1]) == []


def test_new_values_of_the_same_shape_are_not_traced_again():
    traced = []

    def add(values, number):
        traced.append(1)
        return values + ops.cast(number, "float32")

    compiled = compile_function(add)
    for number in range(4):
        result = compiled(
            ops.convert_to_tensor(np.full(3, number, "float32")),
            ops.convert_to_tensor(np.int32(number)),
        )
        np.testing.assert_array_equal(result, np.full(3, 2.0 * number))
    assert len(traced) == 1
