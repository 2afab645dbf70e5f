"""Why an update, or a whole training, moved no connection: in words."""

import warnings
from collections.abc import Sequence

# What `move_connections` reports in place of a number of connections for a
# kernel whose dense gradient cannot rank any.
ZERO_GRADIENT = -1
GRADIENT_NOT_FINITE = -2

_ZERO = (
    "their dense gradient is zero everywhere. Either nothing wrote it (all "
    "steps so far were skipped by loss scaling: lower its initial scale; or "
    "a training loop of your own does not apply the gradients of all of "
    "`model.trainable_variables`, among which are the gradient taps), or no "
    "gradient reaches these layers (dead units)"
)
_NOT_FINITE = (
    "their dense gradient has values that are infinite or NaN. Look for NaN "
    "in the inputs and for a loss that diverges (lower the learning rate)"
)
_CAUSES = {ZERO_GRADIENT: _ZERO, GRADIENT_NOT_FINITE: _NOT_FINITE}

# Why updates moved nothing, as it stands in a saved state.
FROZEN = "frozen"
NO_FRACTION = "no fraction"
TOO_FEW = "too few"
NO_GRADIENT = "no gradient"
REGROWN = "regrown"

_WHOLE_TRAINING = {
    FROZEN: (
        "every sparse layer is frozen (`trainable=False`) or has a sparsity "
        "of 0. Unfreeze one before `compile`."
    ),
    NO_FRACTION: (
        "the drop fraction was 0 at every update, as it is at the stop "
        "step of a schedule that decays. Lower `update_freq` or train longer, "
        "so that updates come before the stop step."
    ),
    TOO_FEW: (
        "the drop fraction of every layer's connections is less than one "
        "connection. Raise `drop_fraction`, or pass `count_rounding='ceil'`."
    ),
    NO_GRADIENT: (
        "no layer had a dense gradient that can be ranked; a warning at the "
        "update names the layers and the cause."
    ),
    REGROWN: (
        "the connections that were dropped were also those that grew. Raise "
        "`drop_fraction`, or pass `regrow_dropped=False`."
    ),
}


def cause_of_stillness(
    num_update: Sequence[int], fraction: float, moved: Sequence[int]
) -> str:
    """Returns why an update moved nothing, or "" if it moved something.

    Args:
        num_update: Connections that each kernel was asked to move.
        fraction: The drop fraction of the update.
        moved: What `move_connections` reported for each kernel.
    """
    if any(number > 0 for number in moved):
        return ""
    if not num_update:
        return FROZEN
    if fraction == 0.0:
        return NO_FRACTION
    if not any(num_update):
        return TOO_FEW
    if any(number in _CAUSES for number in moved):
        return NO_GRADIENT
    return REGROWN


def warn_of_stillness(name: str, num_updates: int, cause: str) -> None:
    """Warns that a whole training moved no connection at all."""
    updates = "1 update" if num_updates == 1 else f"{num_updates} updates"
    warnings.warn(
        f"{name} never moved a connection in {updates}: "
        f"{_WHOLE_TRAINING[cause]}",
        stacklevel=3,
    )


def warn_of_gradients(
    name: str, step: int, code: int, paths: list[str]
) -> None:
    """Warns that kernels stay as they are for want of a gradient."""
    warnings.warn(
        f"{name} left the masks of these layers as they are at step {step}: "
        f"{paths}, because {_CAUSES[code]}. Later updates of the same layers "
        "for the same reason are not announced.",
        stacklevel=3,
    )
