"""What holds for every file: portable, self-contained, formatted."""

import os
import re
import subprocess
import sys

import pytest

import keras_moon
from tests import source_tree as tree

# A home, root or scratch folder: true on one machine only.
MACHINE = re.compile(r"(?<![\w.])/(?:home|Users|root|work|mnt|scratch)/\w")
OUTSIDE = re.compile(r"(?:\.\./)+")
CI = tree.ROOT / ".ci" / "run"


def texts():
    for path in tree.files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image


def places(pattern, keep=lambda path, match: True):
    return [
        f"{tree.relative(path)}: {match.group()}"
        for path, text in texts()
        for match in pattern.finditer(text)
        if keep(path, match)
    ]


def test_no_file_names_a_machine():
    assert places(MACHINE) == []
    here = re.compile(re.escape(str(tree.ROOT)))
    assert places(here) == []


def test_only_ci_looks_outside_the_checkout():
    def leaves(path, match):
        depth = len(path.relative_to(tree.ROOT).parts) - 1
        return match.group().count("../") > depth and path != CI

    assert places(OUTSIDE, leaves) == []


def test_no_unfinished_business():
    assert places(re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")) == []


def test_ci_is_a_strict_program():
    lines = CI.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert os.access(CI, os.X_OK)


@pytest.mark.parametrize(
    "command", [["check"], ["format", "--check"]], ids=lambda c: c[0]
)
def test_ruff_agrees(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."],
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_version_has_its_changelog():
    text = (tree.ROOT / "CHANGELOG.md").read_text()
    assert f"## {keras_moon.__version__}" in text


def test_licence_is_complete():
    text = (tree.ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Apache-2.0" in (tree.ROOT / "setup.py").read_text()
