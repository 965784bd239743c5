"""Sums by name add name by name, however they are nested."""

import numpy as np

from workflow_scripts.anatomy.statistics.sums import Sums


def test_sums_add_by_name_and_keep_what_one_side_has():
    first = Sums(count=2, held_out=Sums(x=np.array([1.0, 2.0])), only=1.5)
    second = Sums(count=3, held_out=Sums(x=np.array([10.0, 20.0])), other=7)
    added = first + second
    assert added.keys() == {"count", "held_out", "only", "other"}
    assert (added["count"], added["only"], added["other"]) == (5, 1.5, 7)
    np.testing.assert_array_equal(added["held_out"]["x"], [11, 22])
    np.testing.assert_array_equal(first["held_out"]["x"], [1, 2])
