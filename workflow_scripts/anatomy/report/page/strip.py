"""A measured number and its interval against the range in which a claim holds, as numbers of an SVG."""

import math
from dataclasses import dataclass

WIDTH, MARGIN = 132.0, 6.0
PADDING = 0.18  # of what is shown, beyond its ends on either side


@dataclass(frozen=True)
class Strip:
    """Places on a line of `WIDTH` units: of the range, of the interval, and of the number.

    range_from, range_to: ends of the range in which the claim holds, cut off at the line's.
    """

    range_from: float
    range_to: float
    low: float
    high: float
    value: float


def strip(value: float, lo: float, hi: float, range_low: float, range_high: float) -> Strip | None:
    """The strip of a measurement (its ends NaN without interval); None where there is no number.

    Shown are the number, its interval and the finite ends of the range. An interval of more than twenty
    times the rest is cut off.
    """
    if not math.isfinite(value):
        return None
    limits = [end for end in (range_low, range_high) if math.isfinite(end)]
    core = [value, *limits]
    low, high = (end if math.isfinite(end) else value for end in (lo, hi))
    reach = (max(core) - min(core)) or abs(value) or 1.0
    low, high = max(low, min(core) - 10 * reach), min(high, max(core) + 10 * reach)
    shown = [*core, low, high]
    span = (max(shown) - min(shown)) or abs(value) or 1.0
    left, right = min(shown) - PADDING * span, max(shown) + PADDING * span

    def place(number: float) -> float:
        inside = min(max(number, left), right)
        return round(MARGIN + (WIDTH - 2 * MARGIN) * (inside - left) / (right - left), 1)

    return Strip(*(place(number) for number in (range_low, range_high, low, high, value)))
