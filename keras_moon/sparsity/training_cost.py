"""What a training method costs: FLOPs per example and step."""

from collections.abc import Iterable

from keras_moon.api_export import keras_moon_export

_METHODS = ("dense", "static", "set", "rigl", "snfs", "gmp", "acdc")


@keras_moon_export("sparsity.training_flops")
def training_flops(
    method: str,
    dense_flops: float,
    sparse_flops: float | None = None,
    mean_flops: float | None = None,
    update_freq: int = 100,
) -> float:
    """Returns the training FLOPs of a method, per example and step.

    A step is a forward pass and a backward pass of twice its cost (once for
    the gradient of the activations, once for that of the weights). Evci et
    al. 2020 (RigL), appendix on FLOPs; with `f_D`, `f_S` the inference FLOPs
    of the dense and the sparse network and `n` the update frequency:

    - `"dense"`: `3 f_D`
    - `"static"`, `"set"`: `3 f_S`
    - `"rigl"`: `(3 f_S n + 2 f_S + f_D) / (n + 1)`; every n steps a step
      computes the dense gradient of the weights
    - `"snfs"`: `2 f_S + f_D`; every step does
    - `"gmp"`, `"acdc"`: `3 E[f]`, where `E[f]` is the mean over training of
      the inference FLOPs of the current network

    The formula for RigL counts updates until the end of training. This is
    what an implementation that skips zeros needs; with masks on dense
    kernels every method costs what `"dense"` does, or more.

    Args:
        method: `"dense"`, `"static"`, `"set"`, `"rigl"`, `"snfs"`, `"gmp"`
            or `"acdc"`.
        dense_flops: Inference FLOPs of the dense network for one example.
        sparse_flops: Inference FLOPs of the sparse network. Needed by
            `"static"`, `"set"`, `"rigl"` and `"snfs"`.
        mean_flops: Mean inference FLOPs over training, see
            `mean_inference_flops`. Needed by `"gmp"` and `"acdc"`.
        update_freq: Steps between two mask updates, at least 1. Only
            `"rigl"` depends on it. Defaults to `100`.

    Returns:
        FLOPs per example and step. For a training m times as long, multiply
        by m.

    Raises:
        ValueError: If the method is unknown, a number it needs is missing, a
            number is negative, or `update_freq` is below 1.

    Example:

    >>> km.sparsity.training_flops("dense", 100.0)
    300.0
    >>> km.sparsity.training_flops("set", 100.0, 10.0)
    30.0
    >>> round(km.sparsity.training_flops("rigl", 100.0, 10.0), 2)
    30.89
    """
    if method not in _METHODS:
        raise ValueError(
            f"`method` must be one of {_METHODS}. Received: method={method!r}."
        )
    dense = _checked("dense_flops", dense_flops, method)
    if method == "dense":
        return 3.0 * dense
    if method in ("gmp", "acdc"):
        return 3.0 * _checked("mean_flops", mean_flops, method)
    sparse = _checked("sparse_flops", sparse_flops, method)
    if method == "snfs":
        return 2.0 * sparse + dense
    if method == "rigl":
        if update_freq < 1:
            raise ValueError(
                "`update_freq` must be at least 1 step. Received: "
                f"update_freq={update_freq}."
            )
        sparse_steps = 3.0 * sparse * update_freq
        return (sparse_steps + 2.0 * sparse + dense) / (update_freq + 1)
    return 3.0 * sparse


@keras_moon_export("sparsity.mean_inference_flops")
def mean_inference_flops(phases: Iterable[tuple[float, float]]) -> float:
    """Returns the mean inference FLOPs over the phases of a training.

    Args:
        phases: Pairs of a duration (in steps or epochs) and the inference
            FLOPs of the network in that phase.

    Returns:
        The mean, weighted by duration.

    Raises:
        ValueError: If a number is negative or the durations add up to 0.

    Example: 20 epochs dense, 80 epochs at a tenth of the cost.

    >>> km.sparsity.mean_inference_flops([(20, 100.0), (80, 10.0)])
    28.0
    """
    phases = list(phases)
    if any(duration < 0 or flops < 0 for duration, flops in phases):
        raise ValueError(
            "Durations and FLOPs must not be negative. Received: "
            f"phases={phases}."
        )
    total = sum(duration for duration, _ in phases)
    if total == 0:
        raise ValueError(
            "The durations of `phases` must add up to more than 0. Received: "
            f"phases={phases}."
        )
    return sum(duration * flops for duration, flops in phases) / total


def _checked(name: str, flops: float | None, method: str) -> float:
    if flops is None or flops < 0:
        raise ValueError(
            f"The method {method!r} needs `{name}`, a number of FLOPs that "
            f"is not negative. Received: {name}={flops}."
        )
    return float(flops)
