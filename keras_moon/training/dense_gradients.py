"""Reading the dense gradients that the sparse layers keep."""

from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export
from keras_moon.training.invariants import require_masked_kernels
from keras_moon.training.optimizer_slots import unwrap


@keras_moon_export("training.dense_gradients")
def dense_gradients(
    model: keras.Model, optimizer: keras.optimizers.Optimizer | None = None
) -> dict[str, Any]:
    """Returns the last step's gradient of every weight, active or not.

    Each sparse layer keeps the gradient of the loss with respect to its
    masked kernel, `dL / d(kernel * mask)`, of the last training step: of its
    whole global batch, without regularizers, before clipping and weight
    decay. It is what RigL ranks (Evci et al. 2020, section 3).

    Args:
        model: A model with sparse layers that has been trained for a step.
        optimizer: The optimizer of that step. Defaults to
            `model.optimizer`. Loss scaling is undone. In the step right
            after a dynamic scale has changed, the result is off by that
            power of two, which changes no ranking within a layer.

    Returns:
        Dict from kernel path to a tensor of the kernel's shape. Kernels
        without a single zero keep none and are left out.

    Raises:
        ValueError: If a sparse layer keeps no dense gradient.

    Example:

    >>> model = keras.Sequential(
    ...     [keras.Input((4,)), keras.layers.Dense(2, name="out")]
    ... )
    >>> model = km.sparsify(model, sparsity=0.5)
    >>> model.compile("sgd", "mse")
    >>> x, y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
    >>> history = model.fit(x, y, verbose=0)
    >>> {k: g.shape for k, g in km.training.dense_gradients(model).items()}
    {'out': (4, 2)}
    """
    if optimizer is None:
        optimizer = model.optimizer
    check_dense_gradients(model, optimizer)
    scale = gradient_scale(optimizer)
    return {
        path: ops.convert_to_tensor(kernel.tap) / ops.cast(scale, "float32")
        for path, _, kernel in require_masked_kernels(model, "dense_gradients")
        if not kernel.is_dense
    }


def gradient_scale(optimizer: Any) -> Any:
    """Returns the factor that loss scaling puts on the kept gradients."""
    if optimizer is None:
        return 1.0
    if unwrap(optimizer) is not optimizer:
        return ops.convert_to_tensor(optimizer.dynamic_scale)
    return optimizer.loss_scale_factor or 1.0


def check_dense_gradients(model: keras.Model, optimizer: Any) -> None:
    """Raises unless every sparse kernel keeps a true dense gradient."""
    kernels = require_masked_kernels(model, "Gradient growth")
    missing = [
        path
        for path, layer, kernel in kernels
        if kernel.tap is None and not kernel.is_dense and layer.trainable
    ]
    if missing:
        raise ValueError(
            "Gradient growth (RigL) needs the gradient of inactive weights, "
            f"which these layers do not keep: {missing}. Convert the model "
            "with `keras_moon.sparsify(..., dense_gradient=True)`, or use "
            "`keras_moon.callbacks.SET`."
        )
    inner = unwrap(optimizer)
    steps = getattr(inner, "gradient_accumulation_steps", None)
    if steps:
        raise ValueError(
            "Gradient growth (RigL) cannot be combined with gradient "
            "accumulation: Keras keeps the maximum, not the mean, of the "
            "accumulated dense gradients. Received: "
            f"gradient_accumulation_steps={steps}. Use a larger batch, or "
            "`keras_moon.callbacks.SET`."
        )


def check_moving_average(model: keras.Model, optimizer: Any) -> None:
    """Raises if Keras's moving average would meet a gradient tap."""
    inner = unwrap(optimizer)
    if getattr(inner, "use_ema", False) and any(
        kernel.tap is not None
        for _, _, kernel in require_masked_kernels(model, "Training")
    ):
        raise ValueError(
            "The optimizer's moving average (use_ema=True) fails on layers "
            "that keep their dense gradient. Received: optimizer "
            f"{type(inner).__name__}(use_ema=True). Convert the model with "
            "`keras_moon.sparsify(..., dense_gradient=False)` and train with "
            "SET or fixed masks, or switch the moving average off."
        )
