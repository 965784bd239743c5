"""Comparable SAEs, and the place of a number among theirs."""

from dataclasses import replace
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.anatomy.report.cards.cell import Cell
from workflow_scripts.anatomy.report.cards.comparable import comparable, compare
from workflow_scripts.anatomy.report.cards.quantities import Quantity

FVU = Quantity("fvu", 4, "FVU", "What is left.", "p", "needs", better="lower")
l0s = st.lists(st.one_of(st.none(), st.floats(0.5, 50)), min_size=1, max_size=8)


@given(l0s, st.data())
def test_comparable_is_the_same_site_and_about_the_same_l0(values, data):
    sites = data.draw(st.lists(st.sampled_from("ab"), min_size=len(values), max_size=len(values)))
    for at, own in enumerate(values):
        expected = [
            other
            for other, l0 in enumerate(values)
            if own
            and l0
            and other != at
            and sites[other] == sites[at]
            and abs(l0 / own - 1) <= 0.25
        ]
        found = comparable(values, sites, at)
        # Beside a limit that rounding may move.
        sure = [other for other in expected if abs(abs(values[other] / own - 1) - 0.25) > 1e-9]
        assert set(sure) <= set(found)
        assert all(abs(values[other] / own - 1) <= 0.25 + 1e-9 for other in found)
        assert at not in found


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=9),
    st.sampled_from(["lower", "higher", "none"]),
)
def test_median_and_rank(values, better):
    quantity = replace(FVU, better=better)
    found = compare(quantity, Cell(values[0]), dict(enumerate(map(Cell, values[1:]), 1)), [])
    order = sorted(values, reverse=better == "higher")
    assert found.rank == order.index(values[0]) + 1
    assert found.of == len(values)
    assert found.median == (median(values[1:]) if len(values) > 3 else None)
    assert found.tied == values.count(values[0]) - 1


def test_numbers_from_another_place_are_not_set_beside():
    others = {1: Cell(2.0, note="all"), 2: Cell(4.0, note="some"), 3: Cell(6.0, note="some")}
    found = compare(FVU, Cell(1.0, note="some"), others, [Cell(9.0, note="all")])
    assert (found.others, found.of, found.seeds, found.without) == ((4.0, 6.0), 3, 1, 1)
    assert found.place(FVU) == "1st of the 3 measured so"
    lowest = compare(replace(FVU, better="none"), Cell(1.0, note="some"), others, [])
    assert lowest.place(replace(FVU, better="none")) == "lowest of the 3 measured so"
    equal = compare(FVU, Cell(2.0, note="all"), others, [])
    assert equal.place(FVU) == "the same in all 2 measured so"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((2.0,), "1st of 2, the other has 2.00"),
        ((2.0, 3.0), "1st of 3, the others have 2.00 and 3.00"),
        ((2.0, 3.0, 4.0), "1st of 4, median of the others 3.00; better than the median"),
    ],
)
def test_fewer_than_three_others_have_no_median(values, words):
    own = Cell(1.0, 0.9, 1.1)
    found = compare(FVU, own, dict(enumerate(map(Cell, values))), [])
    assert found.words(FVU, own.value) == words
    assert (found.median is None) == (len(values) < 3) == (not found.verdict)


def test_no_verdict_where_another_seed_was_measured_elsewhere():
    own = Cell(1.0, 0.9, 1.1, note="some")
    others = {at: Cell(value, note="some") for at, value in enumerate((2.0, 3.0, 4.0))}
    assert compare(FVU, own, others, [Cell(1.0, note="some")]).verdict == "better"
    assert compare(FVU, own, others, [Cell(reason="why")]).verdict == "better"
    assert compare(FVU, own, others, [Cell(1.0, note="all")]).verdict == ""
    seeds = [Cell(1.0, note="some"), Cell(1.0, note="all")]
    assert compare(FVU, own, others, seeds).verdict == ""


def test_none_where_nothing_compares():
    assert compare(FVU, Cell(reason="why"), {1: Cell(1.0)}, []) is None
    assert compare(FVU, Cell(1.0), {1: Cell(reason="why")}, []) is None


@pytest.mark.parametrize(
    ("own", "seeds", "verdict"),
    [
        (Cell(1.0, 0.9, 1.1), [], "better"),
        (Cell(1.0, 0.9, 2.1), [], ""),  # the interval has the median in it
        (Cell(3.0, 2.9, 3.1), [], "worse"),
        (Cell(1.0), [], ""),  # no interval
        (Cell(1.0, 0.9, 1.1), [Cell(2.5)], ""),  # another seed is as far away
        (Cell(1.0, 0.9, 1.1), [Cell(1.2)], "better"),
    ],
)
def test_better_and_worse_only_beyond_doubt(own, seeds, verdict):
    others = {at: Cell(value) for at, value in enumerate((1.9, 2.0, 2.1))}
    found = compare(FVU, own, others, seeds)
    assert found.verdict == verdict
    assert ("than the median" in found.words(FVU, own.value)) == bool(verdict)
    higher = compare(replace(FVU, better="higher"), own, others, seeds).verdict
    assert higher == {"better": "worse", "worse": "better", "": ""}[verdict]
    assert compare(replace(FVU, better="none"), own, others, seeds).verdict == ""


def test_places_in_words():
    def place(values, better):
        quantity = replace(FVU, better=better)
        others = dict(enumerate(map(Cell, values[1:]), 1))
        return compare(quantity, Cell(values[0]), others, []).place(quantity)

    assert place([1, 2, 3], "lower") == "1st of 3"
    assert place([1, 2, 3], "higher") == "3rd of 3"
    assert place([1, 2, 3], "none") == "lowest of 3"
    assert place([3, 2, 1], "none") == "highest of 3"
    assert place([2, 3, 1], "none") == "2nd lowest of 3"
    assert place([1, 1, 1], "lower") == "the same in all 3"
    assert place([1, 1, 2], "lower") == "equal 1st of 3"
