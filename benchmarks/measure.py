"""What every benchmark shares: interleaved timing and the result file."""

import json
import os
import platform
import statistics
from collections.abc import Callable
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("keras", "tensorflow", "jax", "numpy", "keras-moon")


def interleave(
    sides: Mapping[str, Callable[[], Any]], num_rounds: int, seed: int = 0
) -> dict[str, list[Any]]:
    """Measures all sides in every round, in random order.

    A noisy machine then slows all sides alike.

    Args:
        sides: Functions that do one measurement and return it.
        num_rounds: Measurements of each side.
        seed: Seed of the order.

    Returns:
        Measurements by side, in the order of the rounds.
    """
    rng = np.random.default_rng(seed)
    measured: dict[str, list[Any]] = {name: [] for name in sides}
    names = list(sides)
    for _ in range(num_rounds):
        for index in rng.permutation(len(names)):
            measured[names[index]].append(sides[names[index]]())
    return measured


def ratio_to(
    seconds: Mapping[str, list[float]], baseline: str
) -> dict[str, dict[str, float]]:
    """Returns each side's ratio of medians to a baseline, with its spread.

    The spread is the 25 % and 75 % quantile of the ratios within a round.
    """
    base = np.asarray(seconds[baseline])
    result = {}
    for name, values in seconds.items():
        per_round = np.asarray(values) / base
        low, high = np.quantile(per_round, [0.25, 0.75])
        result[name] = {
            "median_seconds": statistics.median(values),
            "ratio": statistics.median(values) / statistics.median(base),
            "ratio_q25": float(low),
            "ratio_q75": float(high),
        }
    return result


def environment() -> dict[str, Any]:
    """Returns versions and hardware, as they go into a result file."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "versions": versions,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "num_cpus": os.cpu_count(),
    }


def write_result(name: str, result: Mapping[str, Any]) -> Path:
    """Writes a result with its environment as `results/<name>.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {**result, "environment": environment()}
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    return path


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
