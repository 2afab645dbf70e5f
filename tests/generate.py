"""Rewrites what is derived from the tree: BUILD and the list of modules.

    python -m tests.generate

Run it after adding, renaming or removing a module, or changing an import.
"""

from tests import build_file
from tests import module_map
from tests import source_tree as tree


def main() -> None:
    document = tree.ROOT / module_map.DOCUMENT
    document.write_text(module_map.updated(document.read_text()))
    (tree.ROOT / "BUILD").write_text(build_file.content())


if __name__ == "__main__":
    main()
