import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "trainers.digits", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--sparsity=95"], "For 95 % pass --sparsity=0.95."),
        (["--method=lottery"], "one of dense, static, set, rigl"),
        (["--epochs=two"], "flag --epochs=two"),
        (["--epoch=2"], "Unknown command line flag 'epoch'"),
        (["95"], "Flags start with two dashes. Received: 95."),
        (["--batch_size=5000"], "larger than the training data, 1167"),
        (["--validation_fraction=0.9"], "--validation_fraction=0.9"),
    ],
)
def test_a_wrong_flag_is_one_line(arguments, expected):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    assert expected in done.stderr


def test_a_directory_in_use_is_one_line(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"holiday")
    done = run(f"--run_dir={tmp_path}")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_help_lists_every_flag():
    done = run("--help")
    for flag in ("--sparsity", "--[no]resume", "--batch_size", "--ood_score"):
        assert flag in done.stdout


def test_other_errors_keep_their_traceback():
    program = (
        "from trainers.launch import launch\n"
        "launch(lambda flag_values: None, lambda config: 1 / 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "shown"), [([], False), (["--verbosity=0"], True)]
)
def test_notices_of_libraries_are_shown_when_asked_for(arguments, shown):
    program = (
        "from absl import logging\n"
        "from trainers.launch import launch\n"
        "launch(lambda f: None, lambda config: logging.info('a notice'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert ("a notice" in done.stderr) == shown
