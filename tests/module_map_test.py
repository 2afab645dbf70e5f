import pytest

from tests import module_map
from tests import source_tree as tree


def test_the_document_lists_the_modules():
    text = (tree.ROOT / module_map.DOCUMENT).read_text()
    assert text == module_map.updated(text), "run `python -m tests.generate`"


@pytest.fixture
def small_tree(tmp_path, monkeypatch):
    for name, text in {
        "flags/data.py": '"""Which samples.\n\nMore."""\n',
        "keras_moon/__init__.py": "",
        "keras_moon/api.py": '"""The one decorator."""\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    return tmp_path


def test_one_table_per_folder(small_tree):
    text = f"Intro\n{module_map.BEGIN}old\n{module_map.END}Rest\n"
    assert module_map.updated(text) == (
        f"Intro\n{module_map.BEGIN}"
        "\n### flags\n\n| Module | Holds |\n|---|---|\n"
        "| `data.py` | Which samples |\n"
        "\n### keras_moon\n\n| Module | Holds |\n|---|---|\n"
        "| `api.py` | The one decorator |\n"
        f"\n{module_map.END}Rest\n"
    )


def test_markers_must_be_there(small_tree):
    with pytest.raises(ValueError, match="architecture.md must contain"):
        module_map.updated("Intro\n")


def test_a_module_says_what_it_holds(small_tree):
    path = small_tree / "flags" / "data.py"
    path.write_text("x = 1\n")
    with pytest.raises(ValueError, match="flags/data.py has no docstring"):
        module_map.first_line(path)
