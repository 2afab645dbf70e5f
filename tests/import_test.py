"""`import keras_moon` costs what `import keras` costs, and changes nothing."""

import json
import os
import subprocess
import sys

import pytest

from tests import source_tree as tree

PROBE = """
import json, os, sys
import keras
before = set(sys.modules)
environment = dict(os.environ)
import keras_moon
print(json.dumps({
    "added": sorted(set(sys.modules) - before),
    "tensorflow": "tensorflow" in sys.modules,
    "environment": sorted(set(os.environ.items()) ^ set(environment.items())),
    "legacy": os.environ.get("TF_USE_LEGACY_KERAS"),
}))
"""


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def probe(request):
    environment = {**os.environ, "KERAS_BACKEND": request.param}
    environment.pop("TF_USE_LEGACY_KERAS", None)
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=tree.ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {"backend": request.param, **json.loads(done.stdout)}


def test_adds_no_package_but_its_own(probe):
    added = {name.partition(".")[0] for name in probe["added"]}
    foreign = added - {"keras_moon", "keras", "numpy"}
    assert foreign <= set(sys.stdlib_module_names)


def test_keras_stays_without_tensorflow_under_jax(probe):
    assert probe["tensorflow"] == (probe["backend"] == "tensorflow")


def test_leaves_the_environment_alone(probe):
    assert probe["legacy"] is None
    assert probe["environment"] == []
