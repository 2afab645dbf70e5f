import pytest

from trainers.files import is_partial
from trainers.files import read_csv
from trainers.files import write_csv
from trainers.files import write_json
from trainers.files import write_whole


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")

    def fail(partial):
        partial.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert path.read_text() == "old"
    (left,) = (p for p in tmp_path.iterdir() if p != path)
    assert is_partial(left)
    assert left.suffix == ".keras"
    assert not is_partial(path)


def test_a_write_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("one", "two"):
        write_whole(path, lambda partial, text=text: partial.write_text(text))
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]


def test_json_refuses_what_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="[Nn]a[Nn]|JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_csv_keeps_every_bit_and_what_is_missing(tmp_path):
    rows = [
        {"epoch": 1, "loss": 0.1 + 0.2, "moved": 12},
        {"epoch": 2, "loss": 1e-17},
    ]
    write_csv(tmp_path / "h.csv", ["epoch", "loss", "moved"], rows)
    assert read_csv(tmp_path / "h.csv") == rows
    assert isinstance(read_csv(tmp_path / "h.csv")[0]["epoch"], int)
