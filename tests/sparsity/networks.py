"""Layer lists of the networks whose sparse figures are published.

Each network is a tuple of ``LayerSpec``; names are the position in the
network, shapes are Keras kernels, ``side`` is the height (= width) of the
output. Strides sit in the 3x3 convolution of a bottleneck (ResNet "v1.5").
"""

from typing import NamedTuple


class LayerSpec(NamedTuple):
    name: str
    kind: str
    shape: tuple[int, ...]
    side: int

    @property
    def size(self):
        size = 1
        for dim in self.shape:
            size *= dim
        return size

    @property
    def output_shape(self):
        if self.kind == "Dense":
            return (None, self.shape[-1])
        return (None, self.side, self.side, self.shape[-1])

    @property
    def num_outputs(self):
        return self.side**2 * self.shape[-1]


def shapes_of(network):
    return {layer.name: layer.shape for layer in network}


def _conv(name, kernel, inputs, outputs, side):
    return LayerSpec(name, "Conv2D", (kernel, kernel, inputs, outputs), side)


def _dense(name, inputs, outputs):
    return LayerSpec(name, "Dense", (inputs, outputs), 1)


def resnet18_cifar(num_classes=10):
    """ResNet-18 with a 3x3 stem and no pooling, input 32x32x3."""
    layers = [_conv("conv1", 3, 3, 64, 32)]
    inputs = 64
    for stage, outputs in enumerate((64, 128, 256, 512)):
        side = 32 >> stage
        for block in range(2):
            prefix = f"stage{stage + 1}_block{block + 1}"
            layers.append(_conv(f"{prefix}_a", 3, inputs, outputs, side))
            layers.append(_conv(f"{prefix}_b", 3, outputs, outputs, side))
            if inputs != outputs:
                layers.append(
                    _conv(f"{prefix}_shortcut", 1, inputs, outputs, side)
                )
            inputs = outputs
    layers.append(_dense("fc", 512, num_classes))
    return tuple(layers)


def resnet50(num_classes=1000, stem_side=112):
    """ResNet-50 for 224x224x3.

    ``stem_side=115`` is how RigL's table of FLOPs counts the stem: its input
    is padded to 230 first and then convolved with "same" padding again.
    """
    layers = [_conv("conv1", 7, 3, 64, stem_side)]
    inputs = 64
    side = 56
    for stage, (width, depth) in enumerate(
        ((64, 3), (128, 4), (256, 6), (512, 3))
    ):
        outputs = 4 * width
        for block in range(depth):
            prefix = f"stage{stage + 1}_block{block + 1}"
            stride = 2 if stage > 0 and block == 0 else 1
            layers.append(_conv(f"{prefix}_a", 1, inputs, width, side))
            side //= stride
            layers.append(_conv(f"{prefix}_b", 3, width, width, side))
            layers.append(_conv(f"{prefix}_c", 1, width, outputs, side))
            if block == 0:
                layers.append(
                    _conv(f"{prefix}_shortcut", 1, inputs, outputs, side)
                )
            inputs = outputs
    layers.append(_dense("fc", 2048, num_classes))
    return tuple(layers)
