"""Where the lines of figure 1 run: from box to box, as arcs around the boxes in between."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.figures.style import WIDTHS
from workflow_scripts.papers.canonical_units.figures.fig1_layout import EDGE, Box

POINTS = 80  # of a line
CLEAR = 0.03  # inches between a line and the boxes that it passes
STEP = 0.12  # inches by which an arc is bent more, until it passes
LEAST = 0.12  # inches that an arc between boxes of one side is bent at least
DETOUR = 20  # lengths of a line that are as bad as being hidden all along
# Where along a line its bends are: evenly, or near its ends, which makes for a wider arc.
BENDS = (1 / 3, 0.12, 0.0)


def routed(one: Box, other: Box, boxes: Iterable[Box], height: float) -> NDArray:
    """A line from a box to another one, (points, 2) in inches: the shortest arc that is hidden by little.

    Boxes on either side of the middle are joined at the edges that face each other, those of one side at
    the edges that face the middle.

    Parameters
    ----------
    boxes: all that are drawn, which a line should not pass behind.
    height: of the page, which it should not leave.
    """
    # Lines begin and end at the very edges of their own two.
    corners = np.array([_corners(box, 0.0 if box in (one, other) else CLEAR) for box in boxes])
    lines = np.stack(list(_arcs(one, other, height)))
    lengths = np.linalg.norm(np.diff(lines, axis=1), axis=2).sum(1)
    return lines[int(np.argmin(lengths * (1 + DETOUR * _hidden(lines, corners, height))))]


def straight(one: Box, other: Box) -> NDArray:
    """A line between the edges of two boxes that face each other, (2, 2)."""
    side = np.sign(other.x - one.x)
    return np.array(
        [(one.x + side * one.width / 2, one.y), (other.x - side * other.width / 2, other.y)]
    )


def _arcs(one: Box, other: Box, height: float) -> Iterator[NDArray]:
    """Cubic curves from edge to edge, the flattest first."""
    centre = WIDTHS["page"] / 2
    if one.x != other.x and abs(one.x - other.x) > (one.width + other.width) / 2:
        ends = straight(one, other)
        direction, bends = np.array([0.0, 1.0]), _both(np.arange(0, height, STEP))
    else:
        side = np.sign(centre - one.x)
        ends = np.array([(box.x + side * box.width / 2, box.y) for box in (one, other)])
        direction, bends = np.array([side, 0.0]), _both(np.arange(LEAST, centre, STEP / 2))
    start, end = ends
    for bend in bends:
        for share in BENDS:
            along = share * (end - start)
            yield _cubic(
                start, start + along + bend * direction, end - along + bend * direction, end
            )
            if not bend:
                break  # straight, wherever it is bent


def _both(sizes: NDArray) -> list[float]:
    """Each size to one side and to the other."""
    return list(dict.fromkeys(float(sign * size) for size in sizes for sign in (1, -1)))


def _cubic(*controls: NDArray) -> NDArray:
    """A Bézier curve through the first and the last of four points, (points, 2)."""
    t = np.linspace(0, 1, POINTS)[:, None]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    return sum(weight * point for weight, point in zip(weights, controls, strict=True))


def _corners(box: Box, clear: float) -> Sequence[float]:
    half_width, half_height = box.width / 2 + clear, box.height / 2 + clear
    return box.x - half_width, box.x + half_width, box.y - half_height, box.y + half_height


def _hidden(lines: NDArray, corners: NDArray, height: float) -> NDArray:
    """Share of each line (lines, points, 2) that lies behind a box or beside the page, (lines,)."""
    x, y = lines[..., None, 0], lines[..., None, 1]
    left, right, bottom, top = corners.T
    behind = ((left < x) & (x < right) & (bottom < y) & (y < top)).any(-1)
    low, high = EDGE / 2, height - EDGE / 2
    return (behind | (lines[..., 1] < low) | (lines[..., 1] > high)).mean(-1)
