"""Tests mirror the code one to one: keras_moon/a/b.py, tests/a/b_test.py."""

import pathlib

from tests import source_tree as tree

MIRRORED = (tree.LIBRARY, "flags", "trainers", "benchmarks")


def test_path(path):
    """The test file that belongs to a module."""
    parts = path.relative_to(tree.ROOT).with_suffix("").parts
    if parts[0] == tree.LIBRARY:
        parts = parts[1:]
    return pathlib.PurePosixPath("tests", *parts[:-1], f"{parts[-1]}_test.py")


test_path.__test__ = False


def test_the_mirror_of_a_path():
    layer = tree.ROOT / "keras_moon" / "layers" / "sparse_dense.py"
    assert str(test_path(layer)) == "tests/layers/sparse_dense_test.py"
    trainer = tree.ROOT / "trainers" / "digits.py"
    assert str(test_path(trainer)) == "tests/trainers/digits_test.py"


def test_every_module_with_code_has_its_test():
    missing = {
        tree.relative(path): str(test_path(path))
        for path in tree.python_files(*MIRRORED)
        if path.name != "__init__.py"
        and tree.has_code(path)
        and not (tree.ROOT / test_path(path)).is_file()
    }
    assert missing == {}


def test_every_test_folder_is_a_package_of_the_code():
    """Without __init__.py two tests of one name would hide each other."""
    for path in tree.python_files("tests"):
        folder = path.parent
        assert (folder / "__init__.py").is_file(), tree.relative(folder)
        parts = folder.relative_to(tree.ROOT / "tests").parts
        homes = [tree.ROOT.joinpath(*parts)]
        homes.append(tree.ROOT.joinpath(tree.LIBRARY, *parts))
        assert any(home.is_dir() for home in homes), tree.relative(folder)


def test_every_test_file_is_collected():
    """A file with tests but another name would never run."""
    overlooked = [
        tree.relative(path)
        for path in tree.python_files("tests")
        if "\ndef test_" in path.read_text()
        and not path.name.endswith("_test.py")
    ]
    assert overlooked == []
