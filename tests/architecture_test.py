"""The arrows of docs/architecture.md, held by reading every import."""

import graphlib
import re
import sys

from tests import source_tree as tree

# How far a room is from plain arithmetic. It may import rooms of a lower
# level, and rooms of its own level as long as no two import each other.
LEVELS = {
    "api_export": 0,
    "functional": 1,
    "sparsity": 1,
    "layers": 2,
    "losses": 2,
    "metrics": 2,
    "training": 3,
    "conversion": 3,
    "models": 3,
    "ood": 3,
    "calibration": 3,
    "data": 3,
    "callbacks": 4,
    "report": 4,
    "export": 4,
    "keras_moon": 5,  # keras_moon/__init__.py, the list of public names
}
BACKENDS = {"tensorflow", "jax", "jaxlib", "torch"}
NEVER = {"absl", "flags", "trainers", "benchmarks", "examples", "tests"}
NEVER |= {"tensorflow_model_optimization", "tf_keras"}
EAGER = {"keras", "numpy", "keras_moon"}

LIBRARY = tree.python_files(tree.LIBRARY)


def room(module):
    """`keras_moon.layers.sparse_dense` -> `layers`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def places(paths, wrong):
    """Where the given files import something that `wrong` points at."""
    return [
        f"{tree.relative(path)}:{found.line}: {found.target}"
        for path in paths
        for found in tree.imports(path)
        if wrong(found)
    ]


def keras_internals(found):
    return f"{found.target}.".startswith("keras.src.")


def edges():
    """Who imports whom, as (importing room, imported room, place)."""
    for path in LIBRARY:
        source = room(tree.module_name(path))
        for found in tree.imports(path):
            target = room(found.target)
            if found.top == tree.LIBRARY and source != target:
                yield source, target, f"{tree.relative(path)}:{found.line}"


def test_the_walk_sees_the_library():
    names = {tree.module_name(path) for path in LIBRARY}
    assert {"keras_moon", "keras_moon.api_export"} <= names
    assert any(target == "api_export" for _, target, _ in edges())


def test_every_room_has_a_level():
    rooms = {room(tree.module_name(path)) for path in LIBRARY}
    assert rooms <= set(LEVELS), (
        f"{rooms - set(LEVELS)}: give the new room its level here and its "
        "place in docs/architecture.md."
    )


def test_imports_go_down():
    upward = [
        f"{place}: {source} imports {target}"
        for source, target, place in edges()
        if LEVELS[target] > LEVELS[source]
    ]
    assert not upward


def test_no_two_rooms_import_each_other():
    graph = {}
    for source, target, _ in edges():
        graph.setdefault(source, set()).add(target)
    graphlib.TopologicalSorter(graph).prepare()


def test_library_never_reaches_outside():
    assert not places(LIBRARY, lambda found: found.top in NEVER)
    assert not places(LIBRARY, keras_internals)


def test_backends_are_named_in_training_only():
    def elsewhere(path):
        return room(tree.module_name(path)) != "training"

    assert not places(
        filter(elsewhere, LIBRARY), lambda found: found.top in BACKENDS
    )


def test_heavy_packages_are_imported_when_needed():
    light = EAGER | set(sys.stdlib_module_names)
    assert not places(
        LIBRARY, lambda found: not found.lazy and found.top not in light
    )


def test_sparsity_holds_no_tensors():
    sparsity = [path for path in LIBRARY if path.parent.name == "sparsity"]
    tensors = BACKENDS | {"keras"}
    assert not places(sparsity, lambda found: found.top in tensors)


def test_flags_do_not_import_trainers():
    assert not places(
        tree.python_files("flags"), lambda found: found.top == "trainers"
    )


def test_programs_use_the_library_from_outside():
    programs = tree.python_files("flags", "trainers", "benchmarks", "examples")
    assert not places(programs, lambda found: found.top == "tests")
    assert not places(programs, keras_internals)


def test_a_file_holds_one_thing():
    lengths = {
        tree.relative(path): tree.num_lines(path)
        for path in tree.python_files(*tree.FIRST_PARTY)
    }
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_the_document_shows_the_levels():
    text = (tree.ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", text, re.MULTILINE)
    shown = {
        name: int(level)
        for level, rooms in rows
        for name in re.findall(r"`([\w/.]+)`", rooms)
    }
    shown["keras_moon"] = shown.pop("keras_moon/__init__.py")
    assert shown == LEVELS
