"""Public names are documented, and every example in a docstring runs."""

import ast
import dataclasses
import doctest
import importlib
import inspect
import re
import textwrap

import keras
import numpy as np
import pytest

import keras_moon as km
from keras_moon.api_export import PUBLIC_NAMES
from tests import source_tree as tree

MODULES = sorted(map(tree.module_name, tree.python_files(tree.LIBRARY)))
for module in MODULES:
    importlib.import_module(module)  # fills PUBLIC_NAMES
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FLAGS |= doctest.REPORT_ONLY_FIRST_FAILURE
NAMED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)
# Hooks that Keras itself leaves without a docstring.
MUTE = {
    "call",
    "build",
    "compute_output_shape",
    "get_config",
    "from_config",
    "set_model",
}
public = pytest.mark.parametrize("path", sorted(PUBLIC_NAMES))


def section(doc, *titles):
    """The body of the first of the given sections, or an empty string."""
    pattern = rf"^(?:{'|'.join(titles)}):\n(.*?)(?=^\S|\Z)"
    found = re.search(pattern, doc, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def explained(body):
    """Names with an entry of their own, several in one entry included."""
    entries = re.findall(
        r"^    ([\w*`][\w*`, ]*?)(?: \(.*?\))?:", body, re.MULTILINE
    )
    return {name.strip("`* ") for entry in entries for name in entry.split(",")}


def called(obj):
    """The function that runs when the public object is called, or None."""
    if not inspect.isclass(obj):
        return inspect.unwrap(obj)
    return vars(obj).get("__init__")


def statements(function):
    """The nodes of a function, without those of functions inside it."""
    source = textwrap.dedent(inspect.getsource(function))
    queue = list(ast.parse(source).body[0].body)
    while queue:
        node = queue.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            queue.extend(ast.iter_child_nodes(node))


def returns_something(function):
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom)
        or isinstance(node, ast.Return)
        and node.value is not None
        and ast.unparse(node.value) != "None"
        for node in statements(function)
    )


def raised(obj):
    """Names of the exceptions that a call of the object raises itself."""
    if dataclasses.is_dataclass(obj):
        function = vars(obj).get("__post_init__")
    else:
        function = called(obj)
    for node in statements(function) if function else ():
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield ast.unparse(node.exc.func)


class AnyBackend(doctest.OutputChecker):
    """Compares values, however a backend or a NumPy version prints them.

    TensorFlow prints a shape as TensorShape([2, 3]), JAX as (2, 3); NumPy 2
    prints a scalar as np.float64(0.5), NumPy 1 as 0.5.
    """

    def check_output(self, want, got, optionflags):
        got = re.sub(r"TensorShape\(\[(\d+)\]\)", r"(\1,)", got)
        got = re.sub(r"TensorShape\(\[([^\]]*)\]\)", r"(\1)", got)
        got = re.sub(r"np\.\w+\(([^()]*)\)", r"\1", got)
        return super().check_output(want, got, optionflags)


@pytest.mark.parametrize(
    "got, want",
    [
        ("TensorShape([2, 3])\n", "(2, 3)\n"),
        ("{'a': TensorShape([2])}\n", "{'a': (2,)}\n"),
        ("TensorShape([])\n", "()\n"),
        ("[np.float64(0.5), np.True_]\n", "[0.5, np.True_]\n"),
    ],
)
def test_values_count_not_how_they_print(got, want):
    assert AnyBackend().check_output(want, got, FLAGS)
    assert not AnyBackend().check_output("(7,)\n", got, FLAGS)


@public
def test_says_what_it_is(path):
    doc = inspect.cleandoc(PUBLIC_NAMES[path].__doc__ or "")
    summary = doc.split("\n\n")[0]
    assert summary.endswith((".", ":")), f"no summary sentence: {summary!r}"


@public
def test_explains_its_arguments(path):
    obj = PUBLIC_NAMES[path]
    function = called(obj)
    if function is None:
        return
    parameters = inspect.signature(function).parameters.values()
    names = {item.name for item in parameters if item.kind in NAMED}
    catch_all = {item.name for item in parameters if item.kind not in NAMED}
    doc = inspect.cleandoc(obj.__doc__ or "")
    entries = explained(section(doc, "Args", "Attributes"))
    assert names - {"self"} <= entries
    if not catch_all:
        assert entries <= names, "explains arguments that do not exist"


@public
def test_says_what_comes_back_and_what_is_refused(path):
    obj = PUBLIC_NAMES[path]
    doc = inspect.cleandoc(obj.__doc__ or "")
    if not inspect.isclass(obj) and returns_something(called(obj)):
        assert section(doc, "Returns", "Yields"), "no `Returns:`"
    refusals = section(doc, "Raises")
    for error in set(raised(obj)):
        assert error in refusals, f"`Raises:` does not name {error}"


@public
def test_methods_are_documented(path):
    obj = PUBLIC_NAMES[path]
    if not inspect.isclass(obj):
        return
    silent = [
        name
        for name, member in vars(obj).items()
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property))
        and not any(
            getattr(vars(base).get(name), "__doc__", None) or name in MUTE
            for base in obj.__mro__
        )
    ]
    assert not silent


@public
def test_shows_an_example(path):
    doc = inspect.cleandoc(PUBLIC_NAMES[path].__doc__ or "")
    assert re.search(r"^Examples?:.*^ *>>> ", doc, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"keras": keras, "np": np, "km": km}
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(AnyBackend(), optionflags=FLAGS)
    output = []
    for example in finder.find(importlib.import_module(module), module):
        example.globs = dict(names)
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(0)
        runner.run(example, out=output.append)
    assert not runner.summarize(verbose=False).failed, "".join(output)
