"""The small drawings of a card as numbers of an SVG: strips of comparable SAEs, a curve, a histogram.

Coordinates are plain numbers; the template makes elements of them, and no text of an SAE is among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, MARGIN = 200.0, 8.0


@dataclass(frozen=True)
class Strip:
    """Places on a line of `WIDTH`: own, the ends of its interval, those of others, and their median, if any."""

    own: float
    lo: float | None
    hi: float | None
    others: list[float]
    median: float | None


def strip(
    value: float, lo: float | None, hi: float | None, others: Sequence[float], median: float | None
) -> Strip:
    """Where an SAE stands among others, the smallest number on the left.

    The ends of an interval that lie beyond all values are cut, so that one wide interval hides no
    difference.
    """
    low, high = min(value, *others), max(value, *others)
    span = (high - low) or 1.0
    low, high = low - 0.1 * span, high + 0.1 * span

    def at(number: float) -> float:
        share = (min(max(number, low), high) - low) / (high - low)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    return Strip(
        own=at(value),
        lo=None if lo is None else at(lo),
        hi=None if hi is None else at(hi),
        others=[at(other) for other in others],
        median=None if median is None else at(median),
    )


@dataclass(frozen=True)
class Curve:
    """A polyline as SVG has its points, in a box of `width` and `height`.

    x_start, x_end, first, last: x and y of its first and its last point. top: the end of the axis of y.
    """

    points: str
    width: float
    height: float
    x_start: float
    x_end: float
    first: float
    last: float
    top: float


def curve(points: Sequence[tuple[float, float]], width: float = 640, height: float = 160) -> Curve:
    """A curve from 0 to its largest x and y; two points or more. The box is cut at no value."""
    x_end, top = max(x for x, _ in points), max(y for _, y in points)
    placed = [
        f"{x / (x_end or 1) * width:.1f},{height - y / (top or 1) * height:.1f}" for x, y in points
    ]
    (x_start, first), (_, last) = points[0], points[-1]
    return Curve(" ".join(placed), width, height, x_start, x_end, first, last, top)


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: its place and size, its lower edge and its count."""

    x: float
    y: float
    width: float
    height: float
    low: float
    count: int


def bars(
    histogram: Sequence[tuple[float, int]], width: float = 640, height: float = 120
) -> list[Bar]:
    """Bars of equal width; the highest fills the box. Bins at either end that are empty are left out."""
    filled = [at for at, (_, count) in enumerate(histogram) if count]
    if not filled:
        return []
    kept = histogram[filled[0] : filled[-1] + 1]
    most = max(count for _, count in kept)
    step = width / len(kept)
    return [
        Bar(
            x=round(at * step + 1, 1),
            y=round(height - count / most * height, 1),
            width=round(step - 2, 1),
            height=round(count / most * height, 1),
            low=low,
            count=count,
        )
        for at, (low, count) in enumerate(kept)
    ]
