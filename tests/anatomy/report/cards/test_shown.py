"""Numbers as a card shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.anatomy.report.cards.shown import interval, number, ordinal


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.03891, 3, "0.0389"),
        (12.14, 3, "12.1"),
        (105472.0, 3, "105,472"),
        (0.0, 3, "0.00"),
        (-0.0001, 0, "0"),
        (176.0, 0, "176"),
        (3.2e-9, 3, "3.20e-09"),
        (-2.345, 3, "-2.35"),
        (1.0, 3, "1.00"),
    ],
)
def test_significant_digits(value, digits, text):
    assert number(value, digits) == text


@given(
    st.floats(-1e9, 1e9, allow_nan=False).filter(lambda v: v == 0 or abs(v) > 1e-9),
    st.integers(1, 6),
)
def test_what_is_shown_is_the_number_to_its_digits(value, digits):
    shown = float(number(value, digits).replace(",", ""))
    assert abs(shown - value) <= abs(value) * 0.5001 * 10 ** (1 - digits)


def test_the_ends_have_the_decimals_of_the_value():
    assert interval(0.0389, 0.03, 0.123456, 3) == "0.0300 to 0.1235"
    assert interval(0.0389, None, None, 3) == ""


def test_ordinals():
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 101, 111)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "101st", "111th"]
    )
