"""Wrong arguments are refused where they are given, not at an update."""

import numpy as np
import pytest

import keras_moon as km

WRONG = {
    "seed": [
        (-1, ValueError, r"`seed` must be at least 0.*seed=-1"),
        (2**64, ValueError, r"less than 2\*\*64.*seed=18446744073709551616"),
        (1.5, TypeError, r"`seed` must be an integer.*seed=1\.5 \(.*float"),
        ("a", TypeError, r"`seed` must be an integer.*seed='a' \(.*str"),
        (None, TypeError, "`seed` must be an integer.*seed=None"),
        (True, TypeError, r"`seed` must be an integer.*seed=True"),
    ],
    "drop_fraction": [
        ("0.3", TypeError, r"float in \[0, 1\].*drop_fraction='0\.3' \(.*str"),
        (None, TypeError, r"float in \[0, 1\].*drop_fraction=None"),
        (True, TypeError, r"float in \[0, 1\].*drop_fraction=True"),
        (lambda p: 0.3, TypeError, "function of the progress.*`decay`"),
        (km.sparsity.ConstantDropFraction, TypeError, r"such as `Cosine"),
        (-0.1, ValueError, r"\[0, 1\].*-0\.1"),
        (float("nan"), ValueError, r"\[0, 1\].*nan"),
    ],
    "regrow_dropped": [
        ("no", TypeError, r"`regrow_dropped` must be True or False.*'no'"),
        (0, TypeError, r"`regrow_dropped` must be True or False.*=0"),
    ],
    "count_rounding": [
        ("floor", ValueError, "`count_rounding` must be one of.*'floor'"),
        (["round"], ValueError, r"`count_rounding` must be.*\['round'\]"),
    ],
}
ONLY_UPDATER = {
    "update_rule": [
        (5, TypeError, r"`update_rule` must be a .*UpdateRule.*=5 \(.*int"),
        (0, TypeError, r"`update_rule` must be a .*UpdateRule.*=0"),
    ],
    "grow": [
        ("magnitude", ValueError, "`grow` must be one of.*'magnitude'"),
        (["random"], ValueError, r"`grow` must be one of.*\['random'\]"),
    ],
    "needs_dense_gradient": [
        ("yes", TypeError, "`needs_dense_gradient` must be True.*'yes'"),
    ],
}


def cases(wrong):
    return [(name, *case) for name, found in wrong.items() for case in found]


@pytest.mark.parametrize(
    "name, value, error, message", cases({**WRONG, **ONLY_UPDATER})
)
def test_the_updater_refuses(name, value, error, message):
    with pytest.raises(error, match=message):
        km.training.MaskUpdater(**{name: value})


@pytest.mark.parametrize("name, value, error, message", cases(WRONG))
def test_the_callbacks_refuse(name, value, error, message):
    with pytest.raises(error, match=message):
        km.callbacks.RigL(**{name: value})


def test_numbers_of_numpy_are_numbers():
    config = km.callbacks.SET(
        seed=np.int64(3),
        drop_fraction=np.float32(0.5),
        regrow_dropped=np.bool_(False),
    ).get_config()
    assert config["seed"] == 3 and type(config["seed"]) is int
    assert config["drop_fraction"] == km.sparsity.CosineDropFraction(0.5)
    assert type(config["drop_fraction"].fraction) is float
    assert config["regrow_dropped"] is False
    assert km.training.MaskUpdater(seed=2**64 - 1).seed == 2**64 - 1
    assert km.training.MaskUpdater(drop_fraction=1).drop_fraction.fraction == 1


def test_a_schedule_is_taken_as_it_is():
    schedule = km.sparsity.ConstantDropFraction(0.2)
    updater = km.training.MaskUpdater("random", drop_fraction=schedule)
    assert updater.drop_fraction is schedule
