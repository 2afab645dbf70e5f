"""The cause of an update that moved nothing, case by case."""

import pytest

from keras_moon.training import unmoved


@pytest.mark.parametrize(
    "num_update, fraction, moved, cause",
    [
        ([3, 2], 0.3, [0, 1], ""),
        ([3, 2], 0.3, [unmoved.ZERO_GRADIENT, 1], ""),
        ([], 0.3, [], unmoved.FROZEN),
        ([0, 0], 0.0, [0, 0], unmoved.NO_FRACTION),
        ([0, 0], 0.1, [0, 0], unmoved.TOO_FEW),
        ([3, 2], 0.3, [unmoved.ZERO_GRADIENT, 0], unmoved.NO_GRADIENT),
        ([3, 2], 0.3, [unmoved.GRADIENT_NOT_FINITE] * 2, unmoved.NO_GRADIENT),
        ([3, 2], 0.3, [0, 0], unmoved.REGROWN),
    ],
)
def test_the_cause_of_stillness(num_update, fraction, moved, cause):
    assert unmoved.cause_of_stillness(num_update, fraction, moved) == cause


@pytest.mark.parametrize(
    "cause, remedy",
    [
        (unmoved.FROZEN, "Unfreeze"),
        (unmoved.NO_FRACTION, "before the stop step"),
        (unmoved.TOO_FEW, "count_rounding='ceil'"),
        (unmoved.NO_GRADIENT, "a warning at the update"),
        (unmoved.REGROWN, "regrow_dropped=False"),
    ],
)
def test_every_cause_has_its_remedy(cause, remedy):
    with pytest.warns(
        UserWarning, match=f"SET never moved.*3 updates: .*{remedy}"
    ):
        unmoved.warn_of_stillness("SET", 3, cause)


@pytest.mark.parametrize(
    "fault, reason",
    [
        (unmoved.ZERO_GRADIENT, "zero everywhere.*loss scaling.*taps.*dead"),
        (unmoved.GRADIENT_NOT_FINITE, "infinite or NaN.*learning rate"),
    ],
)
def test_layers_without_a_gradient_are_named(fault, reason):
    match = rf"MaskUpdater left .* step 7: \['a', 'b'\], because .*{reason}"
    with pytest.warns(UserWarning, match=match):
        unmoved.warn_of_gradients("MaskUpdater", 7, fault, ["a", "b"])
