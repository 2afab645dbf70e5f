import math

import pytest

from flags import checks
from flags.checks import FlagError


def test_choice_lists_the_choices():
    checks.check_choice("method", "set", ("set", "rigl"))
    with pytest.raises(FlagError, match=r"set, rigl. Received: --method=st\."):
        checks.check_choice("method", "st", ("set", "rigl"))


@pytest.mark.parametrize("value", [1, 7])
def test_integer_in_the_closed_range(value):
    checks.check_integer("seed", value, 1, 7)


@pytest.mark.parametrize("value", [0, 8])
def test_integer_outside(value):
    message = rf"--seed must be at least 1 and at most 7.*--seed={value}\."
    with pytest.raises(FlagError, match=message):
        checks.check_integer("seed", value, 1, 7)


@pytest.mark.parametrize(
    ("value", "zero", "one", "valid"),
    [
        (0.0, True, False, True),
        (0.0, False, False, False),
        (1.0, False, True, True),
        (1.0, False, False, False),
        (0.5, False, False, True),
        (-1e-9, True, True, False),
        (1.0 + 1e-9, True, True, False),
        (math.nan, True, True, False),
        (math.inf, True, True, False),
    ],
)
def test_fraction(value, zero, one, valid):
    if valid:
        checks.check_fraction("f", value, zero=zero, one=one)
        return
    interval = f"{'[' if zero else '('}0, 1{']' if one else ')'}"
    with pytest.raises(FlagError) as raised:
        checks.check_fraction("f", value, zero=zero, one=one, hint="Do so.")
    assert interval in str(raised.value)
    assert str(raised.value).endswith("Do so.")


def test_number():
    checks.check_number("rate", 0.0, zero=True)
    checks.check_number("rate", 0.1, zero=False)
    for value in (math.nan, math.inf, -0.1, 0.0):
        with pytest.raises(FlagError, match="--rate must be a finite number"):
            checks.check_number("rate", value, zero=False)
    with pytest.raises(FlagError, match="zero or more"):
        checks.check_number("rate", -1.0, zero=True)
