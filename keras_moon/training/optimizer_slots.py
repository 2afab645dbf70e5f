"""The optimizer's per-weight state of a kernel, and its initial values."""

from typing import Any

import keras
import numpy as np

from keras_moon.layers.tree import walk

# Per-weight state by optimizer class: attribute -> initial value, or the name
# of the optimizer's attribute that holds it. Factored statistics (Adafactor)
# have other shapes than the kernel and are left alone.
_SLOTS: dict[str, dict[str, float | str]] = {
    "SGD": {"momentums": 0.0},
    "RMSprop": {
        "_velocities": 0.0,
        "_momentums": 0.0,
        "_average_gradients": 0.0,
    },
    "Adam": {"_momentums": 0.0, "_velocities": 0.0, "_velocity_hats": 0.0},
    "Nadam": {"_momentums": 0.0, "_velocities": 0.0},
    "Adadelta": {"_accumulated_grads": 0.0, "_accumulated_delta_vars": 0.0},
    "Adagrad": {"_accumulators": "initial_accumulator_value"},
    "Adamax": {"_m": 0.0, "_u": 0.0},
    "Adafactor": {"_r": 0.0, "_c": 0.0, "_v": 0.0},
    "Ftrl": {"_accumulators": "initial_accumulator_value", "_linears": 0.0},
    "Lion": {"_momentums": 0.0},
    "Lamb": {"_momentums": 0.0, "_velocities": 0.0},
}
# What the base class adds to any of them. The moving average of a weight that
# is dropped or newly grown starts again from that weight, which is zero.
_BASE_SLOTS: dict[str, float | str] = {
    "_accumulated_gradients": 0.0,
    "_model_variables_moving_average": 0.0,
}
# Adafactor divides by sqrt(r * c), statistics of a row and a column that
# cannot fall below epsilon_1. The product of Keras's default, 1e-30, with
# itself is 0 in float32.
_MIN_ADAFACTOR_EPSILON = 1e-16


def unwrap(optimizer: keras.optimizers.Optimizer) -> Any:
    """Returns the optimizer inside a `LossScaleOptimizer`, or itself."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.inner_optimizer
    return optimizer


def check_elementwise(optimizer: keras.optimizers.Optimizer) -> None:
    """Raises for optimizers that would move masked weights.

    Raises:
        ValueError: If the update is dense (Muon), or not finite where a row
            and a column of a kernel are masked (Adafactor as Keras sets it).
    """
    inner = unwrap(optimizer)
    name = type(inner).__name__
    if _is_a(inner, "Muon"):
        raise ValueError(
            f"`{name}` cannot train sparse layers: it orthogonalizes the "
            "update of a whole kernel, which moves masked weights too. Use "
            "SGD with momentum, Adam, AdamW or another elementwise optimizer."
        )
    if _is_a(inner, "Adafactor") and inner.epsilon_1 < _MIN_ADAFACTOR_EPSILON:
        raise ValueError(
            f"`{name}` makes masked weights NaN where a whole row and column "
            "of a kernel are masked: the square of `epsilon_1` is 0 in "
            f"float32. Received: epsilon_1={inner.epsilon_1}. Pass "
            f"epsilon_1={_MIN_ADAFACTOR_EPSILON} or more."
        )


def check_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Raises for optimizers with which masks cannot change.

    Raises:
        ValueError: If the optimizer is refused by `check_elementwise`, or its
            state per weight is not one that `kernel_slots` knows.
    """
    check_elementwise(optimizer)
    inner = unwrap(optimizer)
    name = type(inner).__name__
    if _slot_table(inner) is None:
        raise ValueError(
            "The masks can change only if the optimizer's state of a changed "
            "connection can be set back to its initial value, and that of "
            f"`{name}` is not known. Use one of {sorted(_SLOTS)} (or a "
            "subclass that adds no state of its own)."
        )


def build_optimizer(
    model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> None:
    """Creates the optimizer's variables if the first step would still do it.

    Keras does so itself before `fit` on JAX and under a `tf.distribute`
    strategy, and leaves it to the first step elsewhere. So does this, where
    a layer is not built yet.
    """
    if not optimizer.built and all(layer.built for _, layer in walk(model)):
        optimizer.build(model.trainable_variables)


def kernel_slots(
    optimizer: keras.optimizers.Optimizer, kernel: keras.Variable
) -> list[tuple[keras.Variable, float]]:
    """Returns the per-weight state of a kernel with its initial values.

    Args:
        optimizer: A built optimizer, possibly a `LossScaleOptimizer`.
        kernel: A variable that it trains.

    Returns:
        List of `(slot, initial value)`; every slot has the kernel's shape.

    Raises:
        ValueError: If the optimizer is refused by `check_optimizer`, or keeps
            state of the kernel's shape that is not known.
    """
    check_optimizer(optimizer)
    inner = unwrap(optimizer)
    trainable = list(inner._trainable_variables)
    position = next(
        (i for i, variable in enumerate(trainable) if variable is kernel), None
    )
    if position is None:
        raise ValueError(
            f"The optimizer was not built with '{kernel.path}'. Compile the "
            "model after `keras_moon.sparsify`, or build the optimizer with "
            "`model.trainable_variables`."
        )
    known = {**_BASE_SLOTS, **_slot_table(inner)}
    slots, recognized = [], set()
    for attribute, initial in known.items():
        per_variable = getattr(inner, attribute, None) or []
        recognized.update(id(variable) for variable in per_variable)
        if len(per_variable) != len(trainable):
            continue
        slot = per_variable[position]
        if slot is not None and tuple(slot.shape) == tuple(kernel.shape):
            value = (
                getattr(inner, initial) if isinstance(initial, str) else initial
            )
            slots.append((slot, float(value)))
    for variable in inner.variables:
        # A scalar is a counter, not state per weight.
        if (
            id(variable) not in recognized
            and tuple(variable.shape) == tuple(kernel.shape)
            and np.prod(kernel.shape) > 1
        ):
            raise ValueError(
                f"`{type(inner).__name__}` keeps '{variable.path}', state of "
                f"the shape {tuple(kernel.shape)} of '{kernel.path}' that is "
                "not known to keras_moon: it cannot be set back for changed "
                f"connections. Use one of {sorted(_SLOTS)}."
            )
    return slots


def _is_a(optimizer: Any, class_name: str) -> bool:
    return any(cls.__name__ == class_name for cls in type(optimizer).__mro__)


def _slot_table(optimizer: Any) -> dict[str, float | str] | None:
    for cls in type(optimizer).__mro__:
        if cls.__name__ in _SLOTS:
            return _SLOTS[cls.__name__]
    return None
