import ast

import pytest

from tests import build_file
from tests import source_tree as tree


@pytest.fixture(scope="module")
def rules():
    """BUILD, parsed as the Python that it is: name -> (kind, arguments)."""
    parsed = {}
    for node in ast.parse((tree.ROOT / "BUILD").read_text()).body:
        if not isinstance(node, ast.Expr) or not isinstance(
            node.value, ast.Call
        ):
            continue
        kind = node.value.func.id
        if kind.startswith("py_"):
            arguments = {
                item.arg: ast.literal_eval(item.value)
                for item in node.value.keywords
            }
            name = arguments.pop("name")
            assert name not in parsed, f"{name} stands twice"
            parsed[name] = (kind, arguments)
    return parsed


def of_kind(rules, kind):
    return {name for name, (is_a, _) in rules.items() if is_a == kind}


def test_is_what_the_generator_writes():
    assert (tree.ROOT / "BUILD").read_text() == build_file.content(), (
        "run `python -m tests.generate`"
    )


def test_every_file_is_in_one_rule(rules):
    sources = [
        source
        for _, arguments in rules.values()
        for source in arguments["srcs"]
        if source != build_file.RUNNER
    ]
    assert len(sources) == len(set(sources))
    files = set(map(tree.relative, tree.python_files(*tree.FIRST_PARTY)))
    assert set(sources) == files - {build_file.RUNNER}


def test_one_library_per_package(rules):
    packages = {
        tree.relative(path.parent)
        for path in tree.python_files(tree.LIBRARY)
        if path.name == "__init__.py"
    }
    assert packages <= of_kind(rules, "py_library")


def test_one_binary_per_trainer(rules):
    trainers = {
        f"trainers/{path.stem}"
        for path in tree.python_files("trainers")
        if any(
            isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
            for node in ast.parse(path.read_text()).body
        )
    }
    assert trainers <= of_kind(rules, "py_binary")


def test_one_test_rule_per_test_file(rules):
    expected = {
        tree.relative(path).removesuffix(".py")
        for path in tree.python_files("tests")
        if path.name.endswith("_test.py")
    }
    assert of_kind(rules, "py_test") == expected
    for name in expected:
        assert rules[name][1]["args"] == [f"{name}.py"]


def test_deps_are_rules(rules):
    for name, (_, arguments) in rules.items():
        deps = {dep.removeprefix(":") for dep in arguments.get("deps", [])}
        assert deps <= set(rules), name
        assert name not in deps


SAMPLE = {
    "keras_moon/__init__.py": "from keras_moon.layers.dense import Dense\n",
    "keras_moon/api_export.py": "import keras\n",
    "keras_moon/layers/__init__.py": "",
    "keras_moon/layers/dense.py": (
        "import os\n\nimport numpy as np\n\nfrom keras_moon import api_export\n"
        "\n\ndef f():\n    from keras_moon.sparsity import counts\n"
    ),
    "keras_moon/sparsity/__init__.py": "",
    "keras_moon/sparsity/counts.py": "",
    "flags/__init__.py": "",
    "flags/data.py": "from absl import flags\n",
    "trainers/digits.py": (
        "import keras_moon as km\nfrom flags import data\n\n"
        'if __name__ == "__main__":\n    pass\n'
    ),
    "tests/conftest.py": "",
    "tests/layers/__init__.py": "",
    "tests/layers/dense_test.py": "from keras_moon.layers import dense\n",
    "tests/digits_test.py": 'NAME = "trainers.digits"\n',
}


def test_rules_of_a_small_tree(tmp_path, monkeypatch):
    for name, text in SAMPLE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    rules = build_file.rules()
    assert {name: rule["deps"] for name, rule in rules.items()} == {
        "keras_moon": {"keras_moon/layers"},
        "keras_moon/api_export": set(),
        "keras_moon/layers": {"keras_moon/api_export", "keras_moon/sparsity"},
        "keras_moon/sparsity": set(),
        "flags": set(),
        "trainers/digits": {"keras_moon", "flags"},
        "tests/conftest": set(),
        "tests/layers": set(),
        "tests/layers/dense_test": {"keras_moon/layers", "tests/conftest"},
        "tests/digits_test": {"trainers/digits", "tests/conftest"},
    }
    assert rules["keras_moon/layers"]["pip"] == {"numpy"}
    assert rules["trainers/digits"]["kind"] == "py_binary"
    assert rules["tests/digits_test"]["data"] == ["pyproject.toml"]
