"""setup.py declares what the code imports, and installs the library only."""

import ast
import re
import sys

import setuptools

from tests import source_tree as tree

SETUP = ast.parse((tree.ROOT / "setup.py").read_text())
# Import names whose distribution has another name.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "sklearn": "scikit-learn",
    "keras_hub": "keras-hub",
    "keras_tuner": "keras-tuner",
    "ai_edge_litert": "ai-edge-litert",
    "tensorflow_datasets": "tensorflow-datasets",
}


def constant(name):
    """The requirements written in an assignment of setup.py."""
    (value,) = (
        node.value
        for node in SETUP.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return [
        node.value
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and ">=" in str(node.value)
    ]


def names(requirements):
    return {re.split(r"[>=<\[]", text)[0] for text in requirements}


REQUIRED = names(constant("INSTALL_REQUIRES"))
EXTRAS = names(constant("EXTRAS_REQUIRE"))
DEV = names(constant("EXTRAS_REQUIRE['dev']")) | {"jax"}


def distributions(*tops, lazy=True):
    """Third-party distributions that files under the folders import."""
    own = set(sys.stdlib_module_names) | set(tree.FIRST_PARTY)
    return {
        DISTRIBUTIONS.get(found.top, found.top)
        for path in tree.python_files(*tops)
        for found in tree.imports(path)
        if found.top not in own and (lazy or not found.lazy)
    }


def test_training_needs_no_extra():
    programs = distributions("keras_moon", "flags", "trainers", lazy=False)
    assert programs <= REQUIRED


def test_what_is_imported_when_needed_is_declared_somewhere():
    assert distributions(*tree.CODE) <= REQUIRED | EXTRAS


def test_tests_need_the_dev_extra_only():
    assert distributions("tests") <= REQUIRED | DEV


def test_every_requirement_has_a_lower_bound():
    lists = ["INSTALL_REQUIRES", "EXTRAS_REQUIRE", "EXTRAS_REQUIRE['dev']"]
    for text in (text for name in lists for text in constant(name)):
        assert re.fullmatch(r"[\w.-]+>=\d[\d.]*", text), text


def test_the_library_alone_is_installed():
    found = setuptools.find_packages(tree.ROOT, include=["keras_moon*"])
    folders = {
        tree.module_name(path)
        for path in tree.python_files("keras_moon")
        if path.name == "__init__.py"
    }
    assert set(found) == folders
    modules = map(tree.module_name, tree.python_files("keras_moon"))
    homes = {module.rpartition(".")[0] or module for module in modules}
    assert homes <= folders, "a folder without __init__.py is not installed"


def test_nothing_pulls_in_the_old_pruning_toolkit():
    assert "tensorflow-model-optimization" not in REQUIRED | EXTRAS | DEV
