"""The benchmark's network is the published one."""

import numpy as np

from benchmarks.small_resnet import small_resnet


def test_twenty_layers_and_their_parameters():
    model = small_resnet()
    convolutions = [
        layer
        for layer in model.layers
        if getattr(layer, "kernel_size", None) == (3, 3)
    ]
    # He et al. 2016 count the 3x3 convolutions and the output layer.
    assert len(convolutions) + 1 == 20
    weights = sum(int(np.prod(layer.kernel.shape)) for layer in convolutions)
    # 432 + 6 * 2304, 4608 + 5 * 9216, 18432 + 5 * 36864.
    assert weights == 267_696
    assert model.output_shape == (None, 10)
