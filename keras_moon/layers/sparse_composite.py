"""Composite layers and subclassed models that survive a `.keras` file.

Keras rebuilds a composite layer (`MultiHeadAttention`, a block of your own, a
subclassed model) from its configuration, with plain layers inside: the masks
of inner layers would be gone. So a composite whose inner layers were made
sparse becomes an instance of a subclass made on the fly, which saves the plan
of its inner layers and repeats it on loading. It stays an instance of its own
class, with all its attributes and methods.
"""

import contextlib
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import keras

from keras_moon.layers.constructor_config import constructor_config
from keras_moon.layers.masked_kernel_mixin import MaskedKernelMixin
from keras_moon.layers.recorded_builds import build_as_recorded
from keras_moon.layers.recorded_builds import recorded_builds
from keras_moon.layers.swap import SPARSE_CLASSES
from keras_moon.layers.swap import make_sparse
from keras_moon.layers.swap import set_class
from keras_moon.layers.swap import sparse_options
from keras_moon.layers.tree import walk

# Part of every saved file that holds a composite: never change it.
_REGISTER = keras.saving.register_keras_serializable(
    package="keras_moon", name="SparseComposite"
)
_subclasses: dict[type, type] = {}


@_REGISTER
class SparseCompositeMixin:
    """What the subclass made on the fly adds to a composite's class."""

    def get_config(self) -> dict[str, Any]:
        """Returns the plain composite, serialized, and the sparse plan."""
        with _as_plain(self):
            plain = keras.saving.serialize_keras_object(self)
        plain["config"] = constructor_config(plain_class(self), plain["config"])
        plain.pop("compile_config", None)
        plain.pop("build_config", None)
        return {
            "composite": plain,
            "builds": keras.saving.serialize_keras_object(
                recorded_builds(self)
            ),
            "plan": _plan(self),
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Any = None
    ) -> keras.layers.Layer:
        """Rebuilds the composite, builds it, and makes its layers sparse."""
        composite = keras.saving.deserialize_keras_object(
            dict(config["composite"]), custom_objects=custom_objects
        )
        builds = keras.saving.deserialize_keras_object(config["builds"])
        build_as_recorded(composite, builds)
        _apply_plan(composite, config["plan"])
        make_composite(composite)
        return composite


def make_composite(layer: keras.layers.Layer) -> None:
    """Lets a layer that holds sparse layers survive serialization."""
    cls = type(layer)
    if issubclass(cls, SparseCompositeMixin):
        return
    if cls not in _subclasses:
        name = f"Sparse{cls.__name__}"
        _subclasses[cls] = _REGISTER(
            type(name, (SparseCompositeMixin, cls), {"__module__": __name__})
        )
    set_class(layer, _subclasses[cls])


def make_plain_composite(layer: keras.layers.Layer) -> None:
    """Undoes `make_composite`."""
    set_class(layer, plain_class(layer))


def plain_class(layer: keras.layers.Layer) -> type:
    """Returns the class of a layer without what `make_composite` added."""
    cls = type(layer)
    if issubclass(cls, SparseCompositeMixin):
        return cls.__bases__[1]
    return cls


@contextlib.contextmanager
def _as_plain(layer: keras.layers.Layer) -> Iterator[None]:
    cls = type(layer)
    set_class(layer, plain_class(layer))
    try:
        yield
    finally:
        set_class(layer, cls)


def _plan(layer: keras.layers.Layer) -> dict[str, dict[str, Any]]:
    """Options of the sparse layers inside, by position in the walk.

    Not by name: automatic names differ from one process to the next.
    """
    return {
        str(index): sparse_options(inner)
        for index, (_, inner) in enumerate(walk(layer))
        if isinstance(inner, MaskedKernelMixin)
    }


def _apply_plan(
    layer: keras.layers.Layer, plan: Mapping[str, Mapping[str, Any]]
) -> None:
    inner_layers = list(walk(layer))
    for index, options in plan.items():
        path, inner = ("?", None)
        if int(index) < len(inner_layers):
            path, inner = inner_layers[int(index)]
        if isinstance(inner, MaskedKernelMixin):
            continue  # Its parent's configuration already says so.
        if type(inner) not in SPARSE_CLASSES or not inner.built:
            raise ValueError(
                f"'{layer.name}' ({type(layer).__name__}) was saved with a "
                f"sparse layer at position {index}. Rebuilt from its "
                f"configuration it has {inner!r} there (path '{path}'), which "
                "is not a built layer with a sparse counterpart. Build the "
                "model yourself, `sparsify` it as before, and use "
                "`load_weights`."
            )
        make_sparse(inner, options)
