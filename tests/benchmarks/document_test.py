"""docs/benchmarks.md and the committed results belong to the scripts."""

import json

from tests import source_tree as tree

FOLDER = tree.ROOT / "benchmarks"
DOCUMENT = (tree.ROOT / "docs" / "benchmarks.md").read_text()
SCRIPTS = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if '__name__ == "__main__"' in path.read_text()
)


def test_every_script_has_a_section_with_its_command():
    sections = [
        section.partition("\n")
        for section in f"\n{DOCUMENT}".split("\n## ")[1:]
    ]
    assert [title for title, _, _ in sections] == SCRIPTS
    for title, _, text in sections:
        assert f"python -m benchmarks.{title}\n" in text
        assert f"<!-- {title} -->" in text


def test_every_result_names_its_script_and_its_machine():
    for path in sorted((FOLDER / "results").glob("*")):
        assert path.suffix == ".json", path.name
        assert path.name.startswith(tuple(SCRIPTS)), path.name
        result = json.loads(path.read_text())
        assert result["environment"]["versions"]["keras"]
        assert result["environment"]["num_cpus"] >= 1
