"""How large a network is, and what its training would cost."""

from typing import Any

import keras

import keras_moon as km
from flags import SparsityConfig


def size_metrics(model: keras.Model, config: SparsityConfig) -> dict[str, Any]:
    """Counts weights and operations of a trained network.

    Args:
        model: The network, sparse or dense.
        config: Method and update frequency, for the cost of training.

    Returns:
        `parameters`, `nonzeros` (of all parameters), `density`,
        `flops` and `dense_flops` per image, `training_flops_fraction` of
        dense training, and `layers`, a list with the kernel of each layer.
    """
    summary = km.summary(model, print_fn=None)
    training = km.sparsity.training_flops(
        config.method,
        summary.dense_flops,
        summary.flops,
        update_freq=config.update_freq_steps,
    )
    return {
        "parameters": summary.parameters,
        "nonzeros": summary.nonzeros,
        "density": summary.density,
        "flops": summary.flops,
        "dense_flops": summary.dense_flops,
        "training_flops_fraction": training
        / km.sparsity.training_flops("dense", summary.dense_flops),
        "layers": [
            {"name": row.name, "size": row.size, "nonzeros": row.nonzeros}
            for row in summary.rows
        ],
    }
