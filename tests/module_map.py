"""The list of modules in docs/architecture.md, from their own first lines."""

import ast
import pathlib

from tests import source_tree as tree

DOCUMENT = pathlib.PurePosixPath("docs", "architecture.md")
BEGIN = "<!-- modules: written by `python -m tests.generate` -->\n"
END = "<!-- end of modules -->\n"


def first_line(path: pathlib.Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not doc:
        raise ValueError(
            f"{tree.relative(path)} has no docstring. Its first line should "
            "say what the module holds; docs/architecture.md shows it."
        )
    return doc.splitlines()[0].removesuffix(".")


def content() -> str:
    """One table per folder: module, what it holds."""
    lines: list[str] = []
    folder = None
    for path in tree.python_files(*tree.CODE):
        if path.name == "__init__.py":
            continue
        if path.parent != folder:
            folder = path.parent
            lines += ["", f"### {tree.relative(folder)}", ""]
            lines += ["| Module | Holds |", "|---|---|"]
        lines.append(f"| `{path.name}` | {first_line(path)} |")
    return "\n".join([*lines, "", ""])


def updated(text: str) -> str:
    """The document with the list between its markers replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{DOCUMENT} must contain {BEGIN!r} and {END!r}.")
    return before + begin + content() + end + after
