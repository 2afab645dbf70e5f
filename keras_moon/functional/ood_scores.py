"""Out-of-distribution scores of logits: higher means more in-distribution.

Written on ``keras.ops``. Low-precision logits are scored in float32, so that
a model trained in ``mixed_float16`` is not ranked by rounding errors.
"""

import math
import numbers
import operator
from typing import Any

import keras
from keras import ops

from keras_moon.api_export import keras_moon_export

_PRECISE_DTYPES = ("float32", "float64")


def _prepare(logits: Any) -> Any:
    """Returns the logits as a tensor of float32 (float64 stays float64)."""
    logits = ops.convert_to_tensor(logits)
    if len(logits.shape) < 1:
        raise ValueError(
            "`logits` must have a last axis of classes, shape (..., classes). "
            f"Received a scalar: {logits}."
        )
    if keras.backend.standardize_dtype(logits.dtype) in _PRECISE_DTYPES:
        return logits
    return ops.cast(logits, "float32")


def _num_known(logits: Any, num_classes: int | None) -> int:
    """Returns how many leading outputs belong to known classes."""
    num_outputs = logits.shape[-1]
    if num_classes is None:
        return num_outputs
    try:
        num_known = operator.index(num_classes)
    except TypeError:
        raise TypeError(
            "`num_classes` must be an integer, the number K of known classes. "
            f"Received: num_classes={num_classes!r} of type "
            f"{type(num_classes).__name__}."
        ) from None
    if not 1 <= num_known <= num_outputs:
        raise ValueError(
            "`num_classes` must lie between 1 and the number of outputs, "
            f"{num_outputs}. Received: num_classes={num_classes!r} for logits "
            f"of shape {tuple(logits.shape)}. A model with an unknown output "
            "has K+1 outputs: pass K."
        )
    return num_known


@keras_moon_export("functional.ood_scores.msp")
def msp(logits: Any, num_classes: int | None = None) -> Any:
    """Maximum softmax probability (MSP).

    `max_c softmax(z)_c`, the baseline of Hendrycks and Gimpel, "A Baseline
    for Detecting Misclassified and Out-of-Distribution Examples in Neural
    Networks" (ICLR 2017), section 2. For a K+1 model the softmax runs over all
    K+1 outputs and the maximum over the first K of them, not renormalised:
    mass on the unknown output lowers the score.

    Args:
        logits: Tensor of shape `(..., outputs)`, before the softmax.
        num_classes: Number K of known classes, the first K outputs. `None`
            (the default) takes every output as a known class.

    Returns:
        Tensor of shape `(...)`, in [0, 1]; higher is more in-distribution.
        float64 logits give float64, all others float32.

    Raises:
        ValueError: If `logits` is a scalar or `num_classes` is not between 1
            and the number of outputs.
        TypeError: If `num_classes` is not an integer.

    Example:

    >>> logits = np.array([[2.0, 0.0, -1.0], [0.0, 0.0, 4.0]], "float32")
    >>> scores = km.functional.ood_scores.msp(logits)
    >>> print(keras.ops.convert_to_numpy(scores))
    [0.843... 0.964...]
    >>> scores = km.functional.ood_scores.msp(logits, num_classes=2)
    >>> print(keras.ops.convert_to_numpy(scores))
    [0.843... 0.017...]
    """
    logits = _prepare(logits)
    num_known = _num_known(logits, num_classes)
    probabilities = ops.softmax(logits, axis=-1)
    return ops.max(probabilities[..., :num_known], axis=-1)


@keras_moon_export("functional.ood_scores.max_logit")
def max_logit(logits: Any, num_classes: int | None = None) -> Any:
    """Maximum logit score (MLS).

    `max_c z_c`, from Hendrycks et al., "Scaling Out-of-Distribution Detection
    for Real-World Settings" (ICML 2022), section 3. For a K+1 model the
    maximum is over the first K logits.

    Args:
        logits: Tensor of shape `(..., outputs)`, before the softmax.
        num_classes: Number K of known classes, the first K outputs. `None`
            (the default) takes every output as a known class.

    Returns:
        Tensor of shape `(...)`, unbounded; higher is more in-distribution.
        float64 logits give float64, all others float32.

    Raises:
        ValueError: If `logits` is a scalar or `num_classes` is not between 1
            and the number of outputs.
        TypeError: If `num_classes` is not an integer.

    Example:

    >>> logits = np.array([[2.0, 0.0, -1.0], [0.0, 0.0, 4.0]], "float32")
    >>> scores = km.functional.ood_scores.max_logit(logits, num_classes=2)
    >>> keras.ops.convert_to_numpy(scores).tolist()
    [2.0, 0.0]
    """
    logits = _prepare(logits)
    num_known = _num_known(logits, num_classes)
    return ops.max(logits[..., :num_known], axis=-1)


@keras_moon_export("functional.ood_scores.energy")
def energy(
    logits: Any, temperature: float = 1.0, num_classes: int | None = None
) -> Any:
    """Negative free energy score (EBO).

    `T logsumexp(z / T)`, equation (4) with the sign of section 3.1 of Liu et
    al., "Energy-based Out-of-distribution Detection" (NeurIPS 2020). It is
    computed around the largest logit and does not overflow.

    For a K+1 model with `num_classes=K` the sum is over the first K logits,
    so that a large unknown logit cannot make a sample look known. The code
    published with MOON sums over all K+1: leave `num_classes` out for that.

    Args:
        logits: Tensor of shape `(..., outputs)`, before the softmax.
        temperature: Finite float > 0, the T of the rule. Defaults to 1.0.
        num_classes: Number K of known classes, the first K outputs. `None`
            (the default) takes every output as a known class.

    Returns:
        Tensor of shape `(...)`, unbounded; higher is more in-distribution.
        float64 logits give float64, all others float32.

    Raises:
        ValueError: If `logits` is a scalar, `temperature` is not a finite
            number above 0, or `num_classes` is not between 1 and the number
            of outputs.
        TypeError: If `num_classes` is not an integer.

    Example:

    >>> logits = np.array([[2.0, 0.0, -1.0], [1000.0, 0.0, 0.0]], "float32")
    >>> scores = km.functional.ood_scores.energy(logits)
    >>> keras.ops.convert_to_numpy(scores).tolist()
    [2.16..., 1000.0]
    """
    if (
        isinstance(temperature, bool)
        or not isinstance(temperature, numbers.Real)
        or not (math.isfinite(temperature) and temperature > 0.0)
    ):
        raise ValueError(
            "`temperature` must be a finite number above 0. Received: "
            f"temperature={temperature!r}."
        )
    logits = _prepare(logits)
    num_known = _num_known(logits, num_classes)
    known = logits[..., :num_known]
    largest = ops.max(known, axis=-1)
    # Factored out of the sum before dividing by the temperature: the largest
    # logit then reaches the score unrounded, whatever the temperature.
    spread = (known - ops.expand_dims(largest, -1)) / float(temperature)
    return largest + float(temperature) * ops.logsumexp(spread, axis=-1)
