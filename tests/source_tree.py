"""The checkout as data: its files, its modules, and who imports whom.

`python -m tests.source_tree` prints the sizes that docs and reviews quote.
"""

import ast
import pathlib
import statistics
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent

LIBRARY = "keras_moon"
CODE = (LIBRARY, "flags", "trainers", "benchmarks", "examples")
FIRST_PARTY = (*CODE, "tests")


class Import(NamedTuple):
    """One imported module, as written in one place of one file.

    Attributes:
        target: Dotted name. For first-party imports it is always a module
            or package of this checkout, never a name inside a module.
        line: Line number.
        lazy: Whether it runs later than the import of the file (inside a
            function), or never (`if TYPE_CHECKING`).
    """

    target: str
    line: int
    lazy: bool

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]


def files() -> list[pathlib.Path]:
    """Every file of the checkout that Git does not ignore."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        paths = [ROOT / name for name in listing.split("\0") if name]
    else:
        paths = list(ROOT.rglob("*"))
    return sorted({path for path in paths if path.is_file()})


def python_files(*tops: str) -> list[pathlib.Path]:
    """The Python files under the given top-level folders."""
    return [
        path
        for path in files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in tops
    ]


def module_name(path: pathlib.Path) -> str:
    """`keras_moon/layers/__init__.py` -> `keras_moon.layers`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_module(name: str) -> bool:
    """Whether a dotted first-party name is a file or folder of the tree."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def _names(
    node: ast.Import | ast.ImportFrom, path: pathlib.Path
) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    if node.level:
        raise ValueError(
            f"{relative(path)}:{node.lineno}: relative import; write the "
            "full name."
        )
    for alias in node.names:
        inner = f"{node.module}.{alias.name}"
        first_party = node.module.partition(".")[0] in FIRST_PARTY
        yield inner if first_party and is_module(inner) else node.module


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(path: pathlib.Path) -> list[Import]:
    """All imports of a file, those inside functions included."""
    found = []

    def visit(node: ast.AST, lazy: bool) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _names(node, path):
                found.append(Import(name, node.lineno, lazy))
        inside = (
            lazy
            or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            or _is_type_checking(node)
        )
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return found


def has_code(path: pathlib.Path) -> bool:
    """Whether a file defines a function or a class."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, kinds) for node in body)


def num_lines(path: pathlib.Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def report() -> str:
    """File sizes: median, share of 50 to 300 lines, longest, test ratio."""
    code = {path: num_lines(path) for path in python_files(*CODE)}
    code = {path: lines for path, lines in code.items() if lines > 0}
    tests = sum(num_lines(path) for path in python_files("tests"))
    sized = [path for path in code if path.name != "__init__.py"]
    fitting = sum(50 <= code[path] <= 300 for path in sized)
    longest = max(code, key=code.get)
    return "\n".join(
        [
            f"files with code: {len(sized)}",
            f"median lines: {statistics.median(map(code.get, sized)):.0f}",
            f"of 50 to 300 lines: {fitting / len(sized):.0%}",
            f"longest: {relative(longest)} ({code[longest]} lines)",
            f"test lines / code lines: {tests / sum(code.values()):.2f}",
        ]
    )


if __name__ == "__main__":
    print(report())
