"""A copy of a model with its weights, where Keras can make one."""

import contextlib
import functools
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_moon.functional.masks import apply_mask
from keras_moon.layers.constructor_config import constructor_config
from keras_moon.layers.recorded_builds import build_as_recorded
from keras_moon.layers.recorded_builds import recorded_builds
from keras_moon.layers.sparse_composite import plain_class
from keras_moon.layers.swap import PLAIN_CLASSES
from keras_moon.layers.tree import masked_kernels
from keras_moon.layers.tree import walk
from keras_moon.training.strategy import strategy_scope

_LONGEST_REASON = 300


class _CannotCloneError(Exception):
    """A layer's `get_config` is missing, incomplete or wrong."""


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
    with strategy_scope(model):
        try:
            clone = _clone(model, {})
            build_as_recorded(clone, recorded_builds(model))
            _check_structure(model, clone)
        except _CannotCloneError as error:
            warnings.warn(
                f"`{caller}` changed model '{model.name}' in place: Keras "
                f"cannot clone it ({error}). Implement `get_config` in the "
                "class to get a new model instead.",
                stacklevel=3,
            )
            clone = model
        if prepare is not None:
            prepare(clone)
        if clone is not model:
            _copy_state(model, clone)
    # The optimizer of a compiled model does not know the new variables.
    clone.compiled = False
    clone.optimizer = None
    return clone


def is_graph(layer: Any) -> bool:
    """Whether Keras rebuilds this model from its graph of layers.

    True of Sequential and functional models and of subclasses that inherit
    their constructor, `MyModel(inputs, outputs)`.
    """
    cls, functional = type(layer), _functional_class()
    return cls in (keras.Sequential, functional) or (
        isinstance(layer, functional)
        and cls.__init__ is functional.__init__
        and cls.get_config is functional.get_config
    )


@functools.cache
def _functional_class() -> type:
    # Keras does not export it.
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs))


def _clone(layer: Any, memo: dict[int, Any]) -> Any:
    if id(layer) not in memo:
        if is_graph(layer):
            with (
                _reviving(layer),
                _uncompiled(layer),
                _default_policy(layer),
            ):
                memo[id(layer)] = keras.models.clone_model(
                    layer, clone_function=lambda inner: _clone(inner, memo)
                )
        elif type(layer) is keras.layers.Lambda:
            memo[id(layer)] = _clone_lambda(layer)
        else:
            memo[id(layer)] = _clone_from_config(layer)
    return memo[id(layer)]


def _clone_lambda(layer: keras.layers.Lambda) -> keras.layers.Lambda:
    # The Python function is shared: a copy made from its bytecode would lose
    # the global names that it refers to.
    return keras.layers.Lambda(
        layer.function,
        output_shape=layer._output_shape,
        mask=layer.mask,
        arguments=layer.arguments,
        name=layer.name,
        dtype=layer.dtype_policy,
    )


def _clone_from_config(layer: Any) -> Any:
    with _reviving(layer):
        config = constructor_config(type(layer), layer.get_config())
    # Found without being registered: these are the classes themselves.
    classes = {}
    if isinstance(layer, keras.layers.Layer):
        for inner in [layer, *(inner for _, inner in walk(layer))]:
            cls = plain_class(inner)
            if not cls.__module__.startswith(("keras.", "keras_moon.")):
                classes[cls.__name__] = cls
    with (
        _reviving(layer),
        keras.saving.custom_object_scope(classes),
        _default_policy(layer),
    ):
        return type(layer).from_config(config)


@contextlib.contextmanager
def _reviving(layer: Any) -> Iterator[None]:
    """Says which layer could not be made again from its configuration."""
    try:
        yield
    except _CannotCloneError:
        raise
    except Exception as error:
        # Whatever a user's `get_config` or constructor fails with.
        reason = " ".join(str(error).split())
        if len(reason) > _LONGEST_REASON:
            reason = f"{reason[:_LONGEST_REASON]}..."
        raise _CannotCloneError(
            f"'{layer.name}' of class {type(layer).__name__} cannot be made "
            f"again from its configuration: {type(error).__name__}: {reason}"
        ) from error


@contextlib.contextmanager
def _uncompiled(model: keras.Model) -> Iterator[None]:
    """Keras would compile the clone, which fails for a loss of one's own."""
    compiled, model.compiled = model.compiled, False
    try:
        yield
    finally:
        model.compiled = compiled


@contextlib.contextmanager
def _default_policy(layer: Any) -> Iterator[None]:
    """What a layer makes without naming a policy gets that of the layer."""
    default = keras.config.dtype_policy()
    keras.config.set_dtype_policy(getattr(layer, "dtype_policy", default))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(default)


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


def _check_structure(model: keras.Model, clone: keras.Model) -> None:
    old_layers, new_layers = _all_layers(model), _all_layers(clone)
    old, new = _state(model), _state(clone)
    if [_kind(layer) for layer in old_layers] != [
        _kind(layer) for layer in new_layers
    ] or [_shape(v) for v in old] != [_shape(v) for v in new]:
        raise _CannotCloneError(
            f"its clone has {len(new_layers)} layers with {len(new)} "
            f"variables that differ from the model's {len(old_layers)} with "
            f"{len(old)}: get_config does not describe the whole model"
        )


def _all_layers(model: keras.Model) -> list[keras.layers.Layer]:
    return [model, *(layer for _, layer in walk(model))]


def _copy_state(model: keras.Model, clone: keras.Model) -> None:
    old_layers, new_layers = _all_layers(model), _all_layers(clone)
    old, new = _state(model), _state(clone)
    for old_layer, new_layer in zip(old_layers, new_layers, strict=True):
        # Automatic names count on; users select layers by the old ones.
        new_layer.name = old_layer.name
        # Parents come first: setting theirs resets all layers inside.
        if new_layer.trainable != old_layer.trainable:
            new_layer.trainable = old_layer.trainable
    masks = {
        id(masked.kernel): masked.mask for _, _, masked in masked_kernels(model)
    }
    for old_variable, new_variable in zip(old, new, strict=True):
        if new_variable.trainable != old_variable.trainable:
            new_variable.trainable = old_variable.trainable
        # A copy: on JAX both models would share one buffer, and training
        # either of them gives it away.
        value = ops.copy(ops.convert_to_tensor(old_variable))
        if id(old_variable) in masks:
            # Whatever is stored off the mask, the forward pass never reads.
            mask = ops.convert_to_tensor(masks[id(old_variable)])
            value = apply_mask(value, mask)
        new_variable.assign(value)
    for layer in new_layers:
        # It computes with constants that it derives from its variables.
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _kind(layer: keras.layers.Layer) -> tuple[type, str]:
    """Class and dtype policy, whether the layer is sparse or not."""
    cls = plain_class(layer)
    return PLAIN_CLASSES.get(cls, cls), layer.dtype_policy.name


def _shape(variable: Any) -> tuple[tuple[int, ...], str]:
    return tuple(variable.shape), variable.dtype
