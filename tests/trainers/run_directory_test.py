import json

import pytest

from flags import FlagError
from tests.trainers.tiny import tiny_config
from trainers.files import write_json
from trainers.run_directory import open_run_directory


def start(path, *arguments):
    run = open_run_directory(tiny_config(path, *arguments), "digits")
    run.record("jax", "0.1.0")
    return run


def test_a_new_run_records_what_it_is(tmp_path):
    run = start(tmp_path / "deep" / "run", "--sparsity=0.8")
    content = json.loads(run.config_file.read_text())
    assert content["trainer"] == "digits"
    assert content["backend"] == "jax"
    assert content["flags"]["sparsity"]["sparsity"] == 0.8
    assert content["versions"]["keras_moon"] == "0.1.0"
    assert {"python", "keras", "numpy"} <= content["versions"].keys()


def test_a_default_directory_is_new(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = open_run_directory(tiny_config("", "--sparsity=0.8"), "digits")
    assert run.path.parts[:2] == ("runs", "digits")
    assert run.path.name.endswith("-rigl-erk-0.8")
    assert run.path.is_dir()
    dense = open_run_directory(tiny_config("", "--method=dense"), "digits")
    assert dense.path.name.endswith("-dense")


def test_an_empty_directory_and_left_overs_are_fine(tmp_path):
    start(tmp_path)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / ".partial-config.json").write_text("{")
    start(tmp_path / "two")


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for arguments in ([], ["--resume"]):
        with pytest.raises(FlagError, match="must be new, empty, or"):
            start(tmp_path, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_is_continued_only_when_asked(tmp_path):
    start(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(FlagError, match="Pass --resume to continue it"):
        start(tmp_path)
    start(tmp_path, "--resume")
    assert (tmp_path / "config.json").read_bytes() == before


def test_resume_starts_where_there_is_nothing(tmp_path):
    assert start(tmp_path / "new", "--resume").config_file.exists()


def test_other_flags_do_not_continue_a_run(tmp_path):
    start(tmp_path, "--sparsity=0.8")
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(FlagError) as raised:
        start(tmp_path, "--resume", "--epochs=9")
    for change in (
        "--epochs=9 (started with 2)",
        "--sparsity=0.9 (started with 0.8)",
    ):
        assert change in str(raised.value)
    assert "run_dir" not in str(raised.value)
    assert (tmp_path / "config.json").read_bytes() == before


def test_another_program_does_not_continue_a_run(tmp_path):
    start(tmp_path)
    config = tiny_config(tmp_path, "--resume")
    with pytest.raises(FlagError, match="run of trainers.digits"):
        open_run_directory(config, "cifar")


def test_another_backend_does_not_continue_a_run(tmp_path):
    start(tmp_path)
    run = open_run_directory(tiny_config(tmp_path, "--resume"), "digits")
    with pytest.raises(FlagError, match="KERAS_BACKEND=jax.*=tensorflow"):
        run.record("tensorflow", "0.1.0")


def test_other_versions_are_told(tmp_path, capsys):
    start(tmp_path)
    run = open_run_directory(tiny_config(tmp_path, "--resume"), "digits")
    run.record("jax", "0.2.0")
    assert "keras_moon 0.1.0 -> 0.2.0" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "not json"])
def test_a_config_of_something_else(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(FlagError, match="is not the config.json of a run"):
        start(tmp_path, "--resume")
    assert (tmp_path / "config.json").read_text() == text


def test_a_directory_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("text")
    # Also true for root, whom permissions do not stop.
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(FlagError, match="that can be written to"):
            start(path)
    assert (tmp_path / "file").read_text() == "text"


def test_a_seed_is_finished_with_its_metrics(tmp_path):
    run = start(tmp_path)
    assert not run.is_finished(0)
    run.seed(0).mkdir()
    write_json(run.metrics_file(0), {})
    assert run.is_finished(0)
    assert not run.is_finished(1)
