"""Packaging: `pip install -e .` is enough to train and to evaluate."""

import pathlib
import re

from setuptools import find_packages
from setuptools import setup

HERE = pathlib.Path(__file__).parent

INSTALL_REQUIRES = [
    "tensorflow>=2.19",
    "keras>=3.13",
    "numpy>=1.26",
    "ml_dtypes>=0.5.1",
    "absl-py>=2.1",
    "scipy>=1.13",
    "scikit-learn>=1.5",
    "matplotlib>=3.9",
    "pillow>=10.3",
    "rich>=13.7",
    # For the data loaders to come; so far tests/real_data_test.py uses it.
    "tensorflow-datasets>=4.9.9",
    # tensorflow-datasets 4.9.10 imports it without declaring it.
    "importlib_resources>=6.4",
]

# `tune` and `deploy` are for parts still to come: search and export.
EXTRAS_REQUIRE = {
    # The second backend: KERAS_BACKEND=jax.
    "jax": ["jax>=0.7"],
    # KerasTuner imports tensorboard (TensorFlow no longer installs it) and
    # six without declaring them; without them every trial fails.
    "tune": ["keras-tuner>=1.4.8", "tensorboard>=2.19", "six>=1.16"],
    # The runtime of exported .tflite files. tensorflow-model-optimization
    # is left out on purpose: it wants absl-py 1.x and switches the whole
    # process to Keras 2, so it needs an environment of its own.
    "deploy": ["ai-edge-litert>=2.0.2"],
}
EXTRAS_REQUIRE["dev"] = [
    *EXTRAS_REQUIRE["jax"],
    "pytest>=8.3",
    "pytest-xdist>=3.6.1",
    "hypothesis>=6.112",
    "h5py>=3.11",
    # Its models must convert like those of keras.applications.
    "keras-hub>=0.21",
    "ruff>=0.9",
    # Its reader shows that the logs of SparsityLogger arrive there.
    "tensorboard>=2.19",
    "setuptools>=68",
]


def version() -> str:
    """Reads the version without importing the package (and Keras with it)."""
    text = (HERE / "keras_moon" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


setup(
    name="keras-moon",
    version=version(),
    description="Sparse networks in Keras 3 that know what they don't know.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    # `flags`, `trainers` and `tests` are names too general for everyone's
    # site-packages; they run from a checkout.
    packages=find_packages(include=["keras_moon*"]),
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
