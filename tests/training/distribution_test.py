"""Several devices and processes end with the masks of one."""

import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
TIMEOUT = 150
ON_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute"
)
ON_JAX = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="JAX data parallelism"
)


def start(kind, output, *arguments):
    environment = {
        **os.environ,
        "KERAS_BACKEND": keras.backend.backend(),
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-m", "tests.training.distributed_run"]
    return subprocess.Popen(
        [*command, kind, str(output), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes):
    try:
        for process in processes:
            text, _ = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0, text[-3000:]
    finally:
        for process in processes:
            process.kill()


def run(kind, folder):
    output = folder / f"{kind}.npz"
    finish([start(kind, output)])
    return dict(np.load(output))


def free_address():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return f"localhost:{probe.getsockname()[1]}"


def values(result, moment, what, copy=0):
    found = {
        name.split("/")[1]: value
        for name, value in result.items()
        if name.startswith(f"{moment}/") and name.endswith(f"/{what}/{copy}")
    }
    assert sorted(found) == ["a", "b"]
    return found


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    kind = "jax_one" if keras.backend.backend() == "jax" else "one"
    return run(kind, tmp_path_factory.mktemp("one"))


def assert_equal_copies(result):
    for moment in ("before_1", "first_update", "end"):
        for what in ("mask", "kernel", "tap"):
            first = values(result, moment, what, 0)
            second = values(result, moment, what, 1)
            for path in first:
                np.testing.assert_array_equal(first[path], second[path])


def assert_agrees_with_one(result, one, record_property):
    """Gradient, first update and counts; later masks may drift apart."""
    assert result["updates"] == one["updates"] == 6
    for moment in ("before_1", "before_4"):
        for path, gradient in values(one, moment, "tap").items():
            assert np.abs(gradient).max() > 1e-3
            np.testing.assert_allclose(
                values(result, moment, "tap")[path], gradient, atol=1e-5
            )
    assert_separated(one)
    before = values(one, "before_4", "mask")
    for path, mask in values(one, "first_update", "mask").items():
        assert not np.array_equal(mask, before[path])
        np.testing.assert_array_equal(
            values(result, "first_update", "mask")[path], mask
        )
    ours, theirs = values(result, "end", "mask"), values(one, "end", "mask")
    both = sum(int((ours[path] & theirs[path]).sum()) for path in ours)
    overlap = both / sum(int(mask.sum()) for mask in theirs.values())
    record_property("overlap_of_active_connections_at_the_end", overlap)
    print(f"overlap of active connections at the end: {overlap:.4f}")
    assert overlap > 0.8


def assert_separated(one):
    """No two scores that decide the first update are within rounding."""
    masks = values(one, "before_4", "mask")
    grown = values(one, "first_update", "mask")
    for path, tap in values(one, "before_4", "tap").items():
        gradient, kernel = np.abs(tap), values(one, "before_4", "kernel")[path]
        came = grown[path] & ~masks[path]
        stayed_out = ~grown[path] & ~masks[path]
        assert gradient[came].min() - gradient[stayed_out].max() > 1e-5
        went = masks[path] & ~grown[path]
        stayed = masks[path] & grown[path]
        weakest, largest = np.abs(kernel[stayed]), np.abs(kernel[went])
        assert np.abs(weakest[:, None] - largest[None, :]).min() > 1e-5


@ON_TENSORFLOW
def test_mirrored_strategy(one, tmp_path, record_property):
    result = run("mirrored", tmp_path)
    assert_equal_copies(result)
    assert_agrees_with_one(result, one, record_property)


@ON_JAX
def test_jax_devices_of_one_process(one, tmp_path, record_property):
    result = run("jax_devices", tmp_path)
    assert_equal_copies(result)
    assert_agrees_with_one(result, one, record_property)


@ON_JAX
def test_jax_processes(one, tmp_path, record_property):
    address = free_address()
    outputs = [tmp_path / f"process_{i}.npz" for i in range(2)]
    finish(
        [
            start("jax_processes", output, str(i), "2", address)
            for i, output in enumerate(outputs)
        ]
    )
    first, second = (dict(np.load(output)) for output in outputs)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    assert_agrees_with_one(first, one, record_property)
