"""The README keeps its promises: its example runs, its commands exist."""

import operator
import re
import shlex
import subprocess
import sys

import keras
import pytest

import keras_moon
from tests import source_tree as tree

README = (tree.ROOT / "README.md").read_text()


def block(marker):
    """The code block after a `<!-- marker -->` comment."""
    found = re.search(rf"<!-- {marker} -->\n```\w*\n(.*?)\n```", README, re.S)
    assert found, f"no code block after <!-- {marker} -->"
    return found.group(1)


def steps(marker):
    """The commands of a block, as lists of words."""
    return [shlex.split(part) for part in block(marker).split("&&")]


@pytest.fixture
def example():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    return code


def test_example_is_short(example):
    assert len([line for line in example.splitlines() if line]) <= 10


def test_example_trains_a_sparse_model(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["model"].history.history["accuracy"][-1] > 0.9

    plain = keras.models.load_model(tmp_path / "digits.keras")
    kernels = [layer.kernel.numpy() for layer in plain.layers]
    density = sum((kernel != 0).sum() for kernel in kernels) / sum(
        kernel.size for kernel in kernels
    )
    assert density == pytest.approx(0.1, abs=0.001)


def test_saved_model_loads_without_the_library(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    probe = (
        "import sys, keras; keras.models.load_model('digits.keras'); "
        "print('keras_moon' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split()[-1] == "False"


def test_main_job_is_a_trainer_that_takes_its_flags():
    *_, run = steps("main job")
    assert run[0].endswith("python") and run[1] == "-m"
    # --help prints the flags; a flag that does not exist ends in an error.
    done = subprocess.run(
        [sys.executable, *run[1:], "--help"],
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
    )
    assert "FATAL Flags parsing error" not in done.stdout + done.stderr
    assert "--sparsity" in done.stdout


def test_both_commands_install_the_checkout_in_a_new_environment():
    for marker in ("main job", "test"):
        create, install = steps(marker)[:2]
        assert create == ["python3", "-m", "venv", ".venv"]
        assert install[:3] == [".venv/bin/pip", "install", "-e"]


def test_test_command_covers_both_backends():
    _, _, *runs = steps("test")
    assert [run[0] for run in runs] == [
        "KERAS_BACKEND=tensorflow",
        "KERAS_BACKEND=jax",
    ]
    assert all(run[1] == ".venv/bin/pytest" for run in runs)


def test_named_things_exist():
    """Every `km.name` of the documents can be reached."""
    documents = [path for path in tree.files() if path.suffix == ".md"]
    named = {
        name
        for path in documents
        for name in re.findall(r"\bkm((?:\.\w+)+)", path.read_text())
    }
    assert {".sparsify", ".callbacks.RigL"} <= named
    for name in sorted(named):
        operator.attrgetter(name[1:])(keras_moon)


def test_the_first_screen_is_honest():
    assert "*simulate* sparsity" in README[:2000]
    assert "no speed-up" in README[:2000]
