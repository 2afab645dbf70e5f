import dataclasses
import os

import ml_dtypes
import numpy as np
import pytest

from keras_moon.training import checkpoint_file as files

DTYPES = [
    "bool",
    "uint8",
    "int32",
    "uint32",
    "int64",
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e5m2",
]


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def checkpoint(epoch=3, batch=7, seed=0):
    bits = np.random.default_rng(seed)
    values = [
        bits.integers(0, 2, size=(3, 4)).astype(bool)
        if name == "bool"
        # Any bits, NaNs and infinities included.
        else bits.integers(0, 256, (3, 4 * dtype_of(name).itemsize), "uint8")
        .view(dtype_of(name))
        .reshape(3, 4)
        for name in DTYPES
    ]
    return files.Checkpoint(
        epoch=epoch,
        batch=batch,
        finished_epochs=None,
        fingerprint={"data": {"seed": 1}, "config": None},
        variables={"model": values, "optimizer": [np.float32(0.1).reshape(())]},
        callbacks={
            "RigL": {
                "batches": 40,
                "rate": 0.1,
                "worst": float("-inf"),
                "name": "a/b",
                "explored:conv": np.arange(5, dtype="uint8"),
                "empty": np.zeros((0, 2), "float32"),
            },
            "Other": {},
        },
    )


def assert_equal(one, other):
    for field in ("epoch", "batch", "finished_epochs", "fingerprint"):
        assert getattr(one, field) == getattr(other, field)
    assert one.variables.keys() == other.variables.keys()
    for group, values in one.variables.items():
        assert len(values) == len(other.variables[group])
        for a, b in zip(values, other.variables[group], strict=True):
            assert_same_bits(a, b)
    assert one.callbacks.keys() == other.callbacks.keys()
    for key, state in one.callbacks.items():
        assert state.keys() == other.callbacks[key].keys()
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                assert_same_bits(value, other.callbacks[key][name])
            else:
                assert value == other.callbacks[key][name]


def assert_same_bits(a, b):
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert a.tobytes() == b.tobytes()


def test_every_bit_survives(tmp_path):
    written = checkpoint()
    path = files.write_checkpoint(tmp_path / "new" / "folder", written, keep=2)
    assert_equal(files.read_checkpoint(path), written)
    found, latest = files.read_latest_checkpoint(tmp_path / "new" / "folder")
    assert found == path
    assert_equal(latest, written)


def test_an_empty_directory_has_none(tmp_path):
    (tmp_path / "notes.txt").write_text("not a checkpoint")
    assert files.read_latest_checkpoint(tmp_path) is None
    assert files.read_latest_checkpoint(tmp_path / "missing") is None


def test_the_latest_are_kept(tmp_path):
    places = [(0, 9), (0, 10), (1, 0), (2, 0), (100000, 5)]
    for epoch, batch in places:
        files.write_checkpoint(tmp_path, checkpoint(epoch, batch), keep=3)
    kept = [files.read_checkpoint(p) for p in files.checkpoint_paths(tmp_path)]
    assert [(c.epoch, c.batch) for c in kept] == places[-3:]


@pytest.mark.parametrize("part", [0, 1, 100, 0.3, 0.7, 0.99, -1])
def test_a_truncated_file_is_seen(tmp_path, part):
    path = files.write_checkpoint(tmp_path, checkpoint(), keep=2)
    content = path.read_bytes()
    length = int(part * len(content)) if isinstance(part, float) else part
    path.write_bytes(content[:length])
    with pytest.raises(files.CorruptCheckpointError, match="is damaged"):
        files.read_checkpoint(path)


def test_a_changed_value_is_seen(tmp_path):
    """Also when whoever changed it left a valid archive."""
    path = files.write_checkpoint(tmp_path, checkpoint(), keep=2)
    with np.load(path) as file:
        members = {name: file[name].copy() for name in file.files}
    members["model/00006"][0] ^= 1
    with open(path, "wb") as file:
        np.savez(file, **members)
    with pytest.raises(files.CorruptCheckpointError, match="SHA-256"):
        files.read_checkpoint(path)


def test_any_changed_byte_is_seen_or_harmless(tmp_path):
    written = checkpoint()
    path = files.write_checkpoint(tmp_path, written, keep=2)
    content = bytearray(path.read_bytes())
    num_seen = 0
    for place in range(0, len(content), 97):
        damaged = content.copy()
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        try:
            assert_equal(files.read_checkpoint(path), written)
        except files.CorruptCheckpointError:
            num_seen += 1
    assert num_seen > 20


def test_the_one_before_is_taken(tmp_path):
    before = checkpoint(epoch=1, seed=1)
    first = files.write_checkpoint(tmp_path, before, keep=2)
    last = files.write_checkpoint(tmp_path, checkpoint(epoch=2), keep=2)
    last.write_bytes(last.read_bytes()[:-50])
    with pytest.warns(UserWarning, match="epoch-00002.*damaged"):
        found, content = files.read_latest_checkpoint(tmp_path)
    assert found == first
    assert_equal(content, before)
    first.write_bytes(b"")
    with pytest.warns(UserWarning, match="damaged"):
        with pytest.raises(ValueError, match="All 2 checkpoints .* damaged"):
            files.read_latest_checkpoint(tmp_path)


@pytest.mark.parametrize("step", ["savez", "fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_one(tmp_path, monkeypatch, step):
    before = checkpoint(epoch=1, seed=1)
    files.write_checkpoint(tmp_path, before, keep=1)

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np if step == "savez" else os, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            files.write_checkpoint(tmp_path, checkpoint(epoch=2), keep=1)
    assert len(list(tmp_path.iterdir())) == 2
    assert_equal(files.read_latest_checkpoint(tmp_path)[1], before)
    path = files.write_checkpoint(tmp_path, checkpoint(epoch=2), keep=1)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "value, message",
    [
        ([1, 2], r"RigL\.x .*\[1, 2\] of type list"),
        (np.array([object()]), "callbacks/RigL/x of dtype object"),
        (np.array(["a"]), "callbacks/RigL/x of dtype <U1"),
    ],
)
def test_refuses_what_needs_pickles(tmp_path, value, message):
    bad = dataclasses.replace(checkpoint(), callbacks={"RigL": {"x": value}})
    with pytest.raises(TypeError, match=message):
        files.write_checkpoint(tmp_path, bad, keep=2)
    assert files.checkpoint_paths(tmp_path) == []


def test_refuses_other_formats(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(files, "_FORMAT", 2)
        path = files.write_checkpoint(tmp_path, checkpoint(), keep=2)
    with pytest.raises(ValueError, match="expected format 1, found 2"):
        files.read_checkpoint(path)
