"""A copy of a model with its weights, where Keras can make one."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_moon.layers.constructor_config import constructor_config
from keras_moon.layers.symbolic_call import build_by_calling
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import walk


def clone_or_self(
    model: keras.Model,
    caller: str,
    prepare: Callable[[keras.Model], None] | None = None,
) -> keras.Model:
    """Returns an uncompiled copy with equal weights, or the model itself.

    Masks and taps are not copied.

    Args:
        model: Any built Keras model.
        caller: Name of the public function, for the warning.
        prepare: Called on the result before weights are copied into it.

    Returns:
        A new model of the same class. If Keras cannot make one (a subclassed
        model or a layer without a usable `get_config`), the model itself,
        after a warning.
    """
    try:
        clone = _clone(model, {})
        build_by_calling(clone, _build_config(model))
        if prepare is not None:
            prepare(clone)
        _copy_state(model, clone)
    except (NotImplementedError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error) else error
        warnings.warn(
            f"`{caller}` changed model '{model.name}' in place: Keras cannot "
            f"clone it ({type(error).__name__}: {reason}). Implement "
            "`get_config` in its class to get a new model instead.",
            stacklevel=3,
        )
        clone = model
        if prepare is not None:
            prepare(clone)
    # The optimizer of a compiled model does not know the new variables.
    clone.compiled = False
    clone.optimizer = None
    return clone


def is_graph(layer: Any) -> bool:
    """Whether this is a Sequential or functional model, not a subclass."""
    return type(layer) in (keras.Sequential, _functional_class())


@functools.cache
def _functional_class() -> type:
    # Keras does not export it; before 3.14 it needs a layer in between.
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, keras.layers.Identity()(inputs)))


def _clone(layer: Any, memo: dict[int, Any]) -> Any:
    if id(layer) not in memo:
        if is_graph(layer):
            memo[id(layer)] = keras.models.clone_model(
                layer, clone_function=lambda inner: _clone(inner, memo)
            )
        else:
            config = constructor_config(type(layer), layer.get_config())
            memo[id(layer)] = type(layer).from_config(config)
    return memo[id(layer)]


def _build_config(model: keras.Model) -> dict[str, Any] | None:
    return None if is_graph(model) else model.get_build_config()


def _state(model: keras.Model) -> list[Any]:
    """All variables, seed generators included, without masks and taps."""
    hidden = {
        id(variable)
        for _, _, kernel in masked_kernels(model)
        for variable in (kernel.mask, kernel.tap)
    }
    # Not `model.variables`: that of a compiled model includes its metrics.
    return [
        v for v in model.weights + _seed_states(model) if id(v) not in hidden
    ]


def _seed_states(model: keras.Model) -> list[Any]:
    weights = {id(v) for v in model.weights}
    metrics = {id(v) for v in model.metrics_variables}
    return [
        v
        for v in model.non_trainable_variables
        if id(v) not in weights and id(v) not in metrics
    ]


def _copy_state(model: keras.Model, clone: keras.Model) -> None:
    old_layers, new_layers = list(walk(model)), list(walk(clone))
    old, new = _state(model), _state(clone)
    old_shapes = [tuple(v.shape) for v in old]
    new_shapes = [tuple(v.shape) for v in new]
    if len(old_layers) != len(new_layers) or old_shapes != new_shapes:
        raise ValueError(
            f"its clone has {len(new_layers)} layers with {len(new)} "
            f"variables, not {len(old_layers)} with {len(old)}: get_config "
            "does not describe the whole model"
        )
    for (_, old_layer), (_, new_layer) in zip(
        old_layers, new_layers, strict=True
    ):
        # Parents come first: setting theirs resets all layers inside.
        if new_layer.trainable != old_layer.trainable:
            new_layer.trainable = old_layer.trainable
    for old_variable, new_variable in zip(old, new, strict=True):
        # A copy: on JAX both models would share one buffer, and training
        # either of them gives it away.
        new_variable.assign(ops.copy(ops.convert_to_tensor(old_variable)))
