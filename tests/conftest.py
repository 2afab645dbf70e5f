"""What every test starts from: fixed seeds, fresh names, quiet backends."""

import os
import pathlib

# Before anything imports Keras.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import keras
import pytest

SEED = 20240

# Deadlines measure the machine, and a red run must be red again.
hypothesis.settings.register_profile(
    "keras_moon", deadline=None, derandomize=True
)
hypothesis.settings.load_profile("keras_moon")


@pytest.fixture(autouse=True)
def fresh_keras():
    """Seeds everything and restarts Keras's counters of layer names.

    Masks depend on (seed, place of the layer in the model, step), not on
    names; but initial weights come from Keras's global seed, and tests that
    look for default names ("dense_1") would see other ones when another
    test ran before them.
    """
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(SEED)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder of prepared data sets, for tests on real images."""
    folder = os.environ.get("KERAS_MOON_DATA_DIR")
    if not folder:
        pytest.skip("KERAS_MOON_DATA_DIR names no folder of prepared data")
    path = pathlib.Path(folder)
    if not path.is_dir():
        pytest.fail(f"KERAS_MOON_DATA_DIR is not a folder: {path}")
    return path
