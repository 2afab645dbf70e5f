"""Saved models in a process that has seen none of this.

One process writes nothing and knows only the files: it loads them, and
compares masks and outputs with those of this process.
"""

import io
import json
import os
import pathlib
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from tests.conversion import models
from tests.layers import parity

ORDERS = ["before", "after"]
ROOT = pathlib.Path(__file__).parents[2]
NAMES = [
    "sequential",
    "nested",
    "registered",
    "composites",
    "attention",
]

SPARSE = """
import json, sys
import keras, numpy as np
import keras_moon as km
from keras_moon.layers.tree import masked_kernels
from tests.conversion import models

folder = sys.argv[1]
def report(name, model, x):
    found = masked_kernels(model)
    np.savez(f"{folder}/{name}.npz", model(x),
             *[np.asarray(k.mask) for _, _, k in found])
    return {"kernels": len(found)}

results = {}
for name in json.load(open(f"{folder}/names.json")):
    x = np.load(f"{folder}/{name}_inputs.npy")
    loaded = keras.models.load_model(f"{folder}/{name}.keras")
    results[name] = report(f"{name}_loaded", loaded, x)
    fresh = km.sparsify(models.ZOO[name][0](), sparsity=0.75, seed=99)
    fresh.load_weights(f"{folder}/{name}.weights.h5")
    results[f"{name}_weights"] = report(f"{name}_weights", fresh, x)
    again = keras.models.load_model(f"{folder}/{name}_after.keras")
    results[f"{name}_after"] = report(f"{name}_after", again, x)
    again.fit(x, np.zeros(again(x).shape), verbose=0)
json.dump(results, open(f"{folder}/results.json", "w"))
"""

PLAIN = """
import json, sys
sys.modules["keras_moon"] = None
import keras, numpy as np

folder = sys.argv[1]
for name in json.load(open(f"{folder}/names.json")):
    if name in ("registered", "composites"):
        continue  # They need their own classes, which need keras_moon here.
    model = keras.models.load_model(f"{folder}/{name}_plain.keras")
    x = np.load(f"{folder}/{name}_inputs.npy")
    np.save(f"{folder}/{name}_plain.npy", model(x))
"""


def run(script, folder, cwd):
    environment = {
        **os.environ,
        "KERAS_BACKEND": keras.backend.backend(),
        "PYTHONPATH": str(ROOT) if cwd == ROOT else "",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


class WriteOffMask(keras.callbacks.Callback):
    """Fills what no forward pass reads, as averaging of weights may."""

    def on_epoch_end(self, epoch, logs=None):
        for _, _, masked in masked_kernels(self.model):
            kernel, mask = (
                parity.array(masked.kernel),
                parity.array(masked.mask),
            )
            masked.kernel.assign(np.where(mask, kernel, 1.0))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Files of trained sparse models, and what they must give."""
    folder = tmp_path_factory.mktemp("saved")
    expected = {}
    for name in NAMES:
        make, shape, _, _ = models.ZOO[name]
        model = km.sparsify(make(), sparsity=0.75, seed=1)
        x = parity.data((8, *shape), seed=5)
        y = parity.data(model(x).shape, seed=6)
        model.compile(keras.optimizers.Adam(0.01), "mse")
        # The checkpoint before RigL, then after it.
        for order in ORDERS:
            checkpoint = keras.callbacks.ModelCheckpoint(
                folder / f"{name}_{order}.keras"
            )
            rigl = km.callbacks.RigL(update_freq=1, drop_fraction=0.5)
            # Right before the file is written: RigL refuses such weights.
            callbacks = [WriteOffMask(), checkpoint]
            at = len(callbacks) if order == "before" else 0
            callbacks.insert(at, rigl)
            model.fit(
                x,
                y,
                batch_size=2,
                epochs=1,
                callbacks=callbacks,
                verbose=0,
            )
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
        km.strip(model).save(folder / f"{name}_plain.keras")
        np.save(folder / f"{name}_inputs.npy", x)
        expected[name] = [parity.array(model(x))] + [
            parity.array(k.mask) for _, _, k in masked_kernels(model)
        ]
    (folder / "names.json").write_text(json.dumps(NAMES))
    return folder, expected


def raw_kernels(path):
    """Kernel and mask pairs as they lie in a `.keras` archive."""
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    pairs = []

    def visit(name, item):
        if name.endswith("kernel_mask"):
            kernel = item.file[name.removesuffix("_mask")]
            pairs.append((np.asarray(kernel), np.asarray(item)))

    with h5py.File(content) as file:
        file.visititems(visit)
    return pairs


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", NAMES)
def test_stored_kernels_are_zero_off_the_stored_mask(saved, name, order):
    # In the file, before loading, which would set them to zero.
    folder, expected = saved
    pairs = raw_kernels(folder / f"{name}_{order}.keras")
    assert len(pairs) == len(expected[name]) - 1
    for kernel, mask in pairs:
        assert kernel.any()
        assert not mask.all()
        np.testing.assert_array_equal(kernel[~mask.astype(bool)], 0)


def test_sparse_files_bring_masks_and_outputs(saved):
    folder, expected = saved
    run(SPARSE, folder, ROOT)
    results = json.loads((folder / "results.json").read_text())
    for name in NAMES:
        for kind in ("loaded", "weights", "after"):
            key = name if kind == "loaded" else f"{name}_{kind}"
            assert results[key]["kernels"] == len(expected[name]) - 1, key
            with np.load(folder / f"{name}_{kind}.npz") as file:
                found = [file[array] for array in file.files]
            outputs, *masks = expected[name]
            for old, new in zip(masks, found[1:], strict=True):
                np.testing.assert_array_equal(old, new, err_msg=key)
            np.testing.assert_allclose(
                found[0], outputs, rtol=1e-6, atol=1e-6, err_msg=key
            )


def test_stripped_files_load_without_keras_moon(saved, tmp_path):
    folder, expected = saved
    run(PLAIN, folder, tmp_path)
    found = list(folder.glob("*_plain.npy"))
    assert len(found) == len(NAMES) - 2
    for path in found:
        outputs = expected[path.stem.removesuffix("_plain")][0]
        np.testing.assert_allclose(np.load(path), outputs, rtol=1e-6, atol=1e-6)
