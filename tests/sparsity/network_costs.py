"""Adds up what the layers of a published network cost."""

from keras_moon.sparsity import kernel_bytes
from keras_moon.sparsity import layer_flops
from keras_moon.sparsity import layer_macs
from keras_moon.sparsity import layer_nonzeros
from keras_moon.sparsity import num_positions
from tests.sparsity.networks import shapes_of


def network_macs(network, counts):
    return sum(
        # The input shape does not matter to these kinds.
        layer_macs(layer.kind, counts[layer.name], (), layer.output_shape)
        for layer in network
    )


def network_flops(network, counts):
    """FLOPs as in RigL's tables: bias and ReLU after every layer."""
    return sum(
        layer_flops(
            # The counts may be expectations, so no `layer_macs` here.
            counts[layer.name]
            * num_positions(layer.kind, (), layer.output_shape),
            layer.num_outputs,
            use_bias=True,
            use_activation=True,
        )
        for layer in network
    )


def network_megabytes(network, counts):
    """Values, bitmasks and one bias per output channel."""
    biases = sum(
        kernel_bytes(layer.shape[-1], layer.shape[-1]) for layer in network
    )
    kernels = sum(
        kernel_bytes(layer.size, counts[layer.name]) for layer in network
    )
    return (biases + kernels) / 1e6


def dense_counts(network):
    return {layer.name: layer.size for layer in network}


def flops_ratio(network, densities):
    """FLOPs of the integer counts relative to the dense network."""
    counts = layer_nonzeros(shapes_of(network), densities)
    return network_flops(network, counts) / network_flops(
        network, dense_counts(network)
    )


def expected_flops_ratio(network, densities):
    """The same for weights that are not rounded to integers."""
    counts = {
        layer.name: densities[layer.name] * layer.size for layer in network
    }
    return network_flops(network, counts) / network_flops(
        network, dense_counts(network)
    )
