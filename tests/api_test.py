"""The public names: where the decorator says, and nowhere else by accident."""

import functools
import importlib
import inspect
import json
import types

import keras
import pytest

import keras_moon as km
from keras_moon.api_export import PUBLIC_NAMES
from tests import source_tree as tree

MODULES = sorted(map(tree.module_name, tree.python_files(tree.LIBRARY)))
for module in MODULES:
    importlib.import_module(module)  # fills PUBLIC_NAMES

# Arguments without defaults that several classes share.
REQUIRED = {
    "units": 4,
    "filters": 4,
    "kernel_size": 3,
    "num_classes": 3,
    "equation": "ab,bc->ac",
    "output_shape": 4,
    "directory": "checkpoints",
}
EMPTY = inspect.Parameter.empty
CONFIGURABLE = sorted(
    path
    for path, obj in PUBLIC_NAMES.items()
    if inspect.isclass(obj)
    and hasattr(obj, "get_config")
    and not issubclass(obj, keras.Model)
    and not inspect.isabstract(obj)
)


def at(path):
    return functools.reduce(getattr, path.split("."), km)


@pytest.mark.parametrize("path", sorted(PUBLIC_NAMES))
def test_is_reachable_at_its_path(path):
    assert at(path) is PUBLIC_NAMES[path]


@pytest.mark.parametrize(
    "package",
    [
        tree.module_name(path)
        for path in tree.python_files(tree.LIBRARY)
        if path.name == "__init__.py"
    ],
)
def test_a_package_lists_public_names_only(package):
    prefix = package.partition(".")[2]
    for name, value in vars(importlib.import_module(package)).items():
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        path = f"{prefix}.{name}".lstrip(".")
        # A package may also list what is public at the top (km.sparsify).
        assert value in (PUBLIC_NAMES.get(path), PUBLIC_NAMES.get(name)), (
            f"{package} lists {name}, which is not exported as {path!r}"
        )


def test_packages_are_attributes_of_the_library():
    packages = {
        tree.module_name(path).split(".")[1]
        for path in tree.python_files(tree.LIBRARY)
        if len(path.relative_to(tree.ROOT).parts) == 3
    }
    assert {name for name in packages if not hasattr(km, name)} == set()


def test_importing_the_library_exports_every_name():
    """No public name waits for somebody to import its module first."""
    named = {
        tree.module_name(path)
        for path in tree.python_files(tree.LIBRARY)
        if "@keras_moon_export(" in path.read_text()
    }
    reached = {obj.__module__ for obj in PUBLIC_NAMES.values()}
    assert named == reached


def arguments(cls):
    """Arguments by name, those handed on to a parent by **kwargs included.

    The first class of Keras ends the search: what it hands on in turn
    (`name`, `dtype`) has defaults.
    """
    found = {}
    for base in cls.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            kinds = {item.kind for item in parameters.values()}
            found = {**parameters, **found}
            if inspect.Parameter.VAR_KEYWORD not in kinds:
                break
            if base.__module__.startswith("keras.src."):
                break
    return [
        item
        for item in found.values()
        if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
        and item.name != "self"
    ]


def example_of(cls):
    """An instance made with every default that there is."""
    needed = {item.name for item in arguments(cls) if item.default is EMPTY}
    assert needed <= set(REQUIRED), (
        f"{cls.__name__} needs {needed - set(REQUIRED)}: give them a value "
        "in REQUIRED"
    )
    return cls(**{name: REQUIRED[name] for name in needed})


@pytest.mark.parametrize("path", CONFIGURABLE)
def test_config_rebuilds_the_object(path):
    cls = PUBLIC_NAMES[path]
    config = example_of(cls).get_config()
    json.dumps(keras.saving.serialize_keras_object(config))
    again = cls.from_config(dict(config))
    assert type(again) is cls
    assert again.get_config() == config


@pytest.mark.parametrize("path", CONFIGURABLE)
def test_config_holds_every_argument(path):
    cls = PUBLIC_NAMES[path]
    ours = {item.name for item in arguments(cls)}
    for base in cls.__mro__:
        # Keras writes some arguments of its own only where they are set.
        if base.__module__.startswith("keras.src."):
            ours -= set(inspect.signature(base).parameters)
    assert ours <= set(example_of(cls).get_config())


@pytest.mark.parametrize("path", CONFIGURABLE)
def test_keras_finds_the_registered_class(path):
    cls = PUBLIC_NAMES[path]
    name = keras.saving.get_registered_name(cls)
    assert name == f"keras_moon>{cls.__name__}"
    assert keras.saving.get_registered_object(name) is cls
