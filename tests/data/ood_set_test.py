import dataclasses

import numpy as np
import pytest

from keras_moon.data import OODSet


def test_holds_what_it_was_given():
    x = np.ones((4, 2, 2, 1), "float32")
    ood_set = OODSet("ones", "far", x, "Ones.")
    assert (ood_set.name, ood_set.group, len(ood_set)) == ("ones", "far", 4)
    assert ood_set.x is x and ood_set.description == "Ones."


def test_frozen():
    ood_set = OODSet("ones", "near", np.ones((4, 2)), "Ones.")
    with pytest.raises(dataclasses.FrozenInstanceError):
        ood_set.group = "far"
    with pytest.raises(ValueError, match="read-only"):
        ood_set.x[0] = 0.0


def test_errors():
    with pytest.raises(ValueError, match="'near', 'far'.*'middle'.*'ones'"):
        OODSet("ones", "middle", np.ones((4, 2)), "Ones.")
    for empty in (np.ones((0, 2)), np.float32(1.0)):
        with pytest.raises(ValueError, match="at least one sample.*'ones'"):
            OODSet("ones", "near", empty, "Ones.")
