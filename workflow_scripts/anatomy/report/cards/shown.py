"""Numbers as a card shows them."""

from math import floor, log10

# Beyond these powers of ten a number is written with an exponent.
SMALLEST, LARGEST = -5, 12


def decimals(value: float, digits: int) -> int:
    """How many decimals show `digits` significant digits of a value; 0 digits are of a whole number."""
    if digits == 0:
        return 0
    power = floor(log10(abs(value))) if value else 0
    return max(0, digits - 1 - power)


def number(value: float, digits: int, of: float | None = None) -> str:
    """A value with significant digits and commas: 0.0389, 12.1, 105,472; of very small ones 3.20e-09.

    of: another value that says how many decimals there are, as an interval's ends have those of its middle.
    """
    shown_as = value if of is None else of
    if digits and shown_as and not SMALLEST <= floor(log10(abs(shown_as))) < LARGEST:
        return f"{value:.{digits - 1}e}"
    text = f"{value:,.{decimals(shown_as, digits)}f}"
    # Not "-0.00".
    return text.lstrip("-") if not text.strip("-0.,") else text


def interval(value: float, low: float | None, high: float | None, digits: int) -> str:
    """The ends of an interval as "0.0311 to 0.0402", with the decimals of the value; empty without one."""
    if low is None or high is None:
        return ""
    return f"{number(low, digits, value)} to {number(high, digits, value)}"


def ordinal(rank: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th ..."""
    ending = (
        "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    )
    return f"{rank}{ending}"
