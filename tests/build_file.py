"""BUILD, the Bazel view of the tree, from the files and their imports.

One py_library per package of keras_moon and one per module directly in it,
one for flags, one py_binary per program, one py_test per test file. `deps` are
the first-party imports of the sources, those inside functions included.
Third-party packages come from the environment (`pip install -e ".[dev]"`);
a comment above each rule names them.
"""

import ast
import pathlib
import sys

from tests import source_tree as tree

HEADER = '''\
"""Bazel targets. Written by `python -m tests.generate`."""

load("@rules_python//python:defs.bzl", "py_binary", "py_library", "py_test")

package(default_visibility = ["//visibility:public"])

# What the tests that read the checkout itself see.
filegroup(
    name = "checkout",
    srcs = glob([
        "*",
        ".ci/run",
        "docs/**",
        "benchmarks/results/**",
{folders}
    ]),
)
'''
PROGRAMS = ("trainers", "benchmarks", "examples")
RUNNER = "tests/pytest_main.py"


def is_program(path: pathlib.Path) -> bool:
    """Whether a file is run rather than imported."""
    return (
        path.relative_to(tree.ROOT).parts[0] in PROGRAMS
        and '__name__ == "__main__"' in path.read_text()
    )


def is_test(path: pathlib.Path) -> bool:
    return path.name.endswith("_test.py")


def target_of(path: pathlib.Path) -> str:
    """The name of the rule that holds a file."""
    name = tree.relative(path)
    alone = (
        is_test(path)
        or is_program(path)
        or name == "tests/conftest.py"
        or path.parent == tree.ROOT / tree.LIBRARY
    )
    if alone and path.name != "__init__.py":
        return name.removesuffix(".py")
    return tree.relative(path.parent)


def owner(module: str) -> str:
    """The name of the rule that holds an imported module or package."""
    path = tree.ROOT.joinpath(*module.split("."))
    file = path.with_suffix(".py")
    return target_of(file if file.is_file() else path / "__init__.py")


def _modules_named(path: pathlib.Path) -> set[str]:
    """Programs that a test starts by name (`python -m trainers.digits`)."""
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(tuple(f"{top}." for top in PROGRAMS))
        and tree.is_module(node.value)
    }


def _kind(path: pathlib.Path) -> str:
    if is_program(path):
        return "py_binary"
    return "py_test" if is_test(path) else "py_library"


def rules() -> dict[str, dict]:
    """All rules: name -> kind, srcs, deps, third-party packages, extras."""
    found: dict[str, dict] = {}
    for path in tree.python_files(*tree.FIRST_PARTY):
        name = target_of(path)
        kind = _kind(path)
        rule = found.setdefault(
            name, {"kind": kind, "srcs": [], "deps": set(), "pip": set()}
        )
        rule["srcs"].append(tree.relative(path))
        for item in tree.imports(path):
            if item.top in tree.FIRST_PARTY:
                rule["deps"].add(owner(item.target))
            elif item.top not in sys.stdlib_module_names:
                rule["pip"].add(item.top)
        if kind == "py_binary":
            rule["main"] = tree.relative(path)
        if kind == "py_test":
            rule["deps"] |= set(map(owner, _modules_named(path)))
            _as_pytest(rule, path)
    for name, rule in found.items():
        rule["deps"] -= {name}
    return found


def _as_pytest(rule: dict, path: pathlib.Path) -> None:
    """Bazel runs a test as a program, so every test shares one main."""
    rule["srcs"].insert(0, RUNNER)
    rule["main"] = RUNNER
    rule["args"] = [tree.relative(path)]
    rule["deps"].add("tests/conftest")
    rule["pip"].add("pytest")
    data = ["pyproject.toml"]
    if "tests" in rule["deps"]:
        data.append(":checkout")
    rule["data"] = data


def _list(name: str, values: list[str]) -> list[str]:
    if len(values) == 1:
        return [f'    {name} = ["{values[0]}"],']
    inner = [f'        "{value}",' for value in values]
    return [f"    {name} = [", *inner, "    ],"]


def _render(name: str, rule: dict) -> str:
    lines = [f"# pip: {', '.join(sorted(rule['pip']))}"] if rule["pip"] else []
    lines += [f"{rule['kind']}(", f'    name = "{name}",']
    lines += _list("srcs", rule["srcs"])
    if "args" in rule:
        lines += _list("args", rule["args"])
    if "data" in rule:
        lines += _list("data", rule["data"])
    if "main" in rule:
        lines.append(f'    main = "{rule["main"]}",')
    if rule["deps"]:
        lines += _list("deps", [f":{dep}" for dep in sorted(rule["deps"])])
    return "\n".join([*lines, ")"]) + "\n"


def content() -> str:
    """The text that BUILD should have."""
    found = rules()
    rendered = [_render(name, rule) for name, rule in sorted(found.items())]
    folders = sorted(
        {path.split("/")[0] for rule in found.values() for path in rule["srcs"]}
    )
    header = HEADER.format(
        folders="\n".join(f'        "{top}/**/*.py",' for top in folders)
    )
    return "\n".join([header, *rendered])
