"""Where the boxes of figure 1 lie: the latent in the middle, meta-latents around it, others outside.

Everything is in inches from the lower left corner of the page, computed from the widths of characters, so
that the same table is laid out alike everywhere and no box covers another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from workflow_scripts.anatomy.figures.style import WIDTHS

SIZE = 5.5  # points
LINE, MARGIN = 1.25 * SIZE / 72, 0.05
# Width of a box, and lines of explanation in it, by how far from the middle it is.
SHAPES = {"middle": (0.95, 6), "part": (1.08, 4), "member": (1.32, 3)}
EDGE, GAP = 0.04, 0.1  # to the rim of the page, and between boxes
# Meta-latents at the top and the bottom are so much nearer to the middle than those beside it.
BOW = 0.35


@dataclass(frozen=True)
class Box:
    """A node: its centre, its size and the lines that are written in it."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]


def box(kind: str, title: str, text: str) -> Box:
    """A box for a node of a kind, with its title and as much of its explanation as fits; nowhere yet."""
    width, most = SHAPES[kind]
    lines = (title, *wrapped(text, width - 2 * MARGIN, most))
    return Box(0, 0, width, len(lines) * LINE + 2 * MARGIN, lines)


def arrange(
    middle: Box, parts: Sequence[Box], members: Sequence[tuple[int, Box]]
) -> tuple[float, Box, list[Box], list[Box]]:
    """Give the boxes their places.

    members: each with the number of the part that it belongs to.

    Returns
    -------
    Height of the page, the middle, the parts and the members. The first half of the parts is on the
    right, from the top down, the others on the left, from the bottom up, with their members beside them.
    """
    half = (len(parts) + 1) // 2
    sides = [list(range(half)), list(range(half, len(parts)))[::-1]]
    heights = []
    for side in sides:
        own = [entry.height for of, entry in members if of in side]
        heights.append(max(_stacked(own), _stacked([parts[at].height for at in side])))
    height = max(*heights, middle.height) + 2 * EDGE
    placed_parts, placed_members = list(parts), [entry for _, entry in members]
    for sign, side in zip((1, -1), sides, strict=True):
        outside = [n for at in side for n, (of, _) in enumerate(members) if of == at]
        y = _apart([height / 2] * len(outside), [placed_members[n].height for n in outside], height)
        rim = SHAPES["member"][0] / 2 + EDGE
        for n, place in zip(outside, y, strict=True):
            x = WIDTHS["page"] - rim if sign > 0 else rim
            placed_members[n] = replace(placed_members[n], x=x, y=float(place))
        wanted = [_beside(placed_members, members, at, height) for at in side]
        y = _apart(wanted, [parts[at].height for at in side], height)
        for at, place in zip(side, y, strict=True):
            x = WIDTHS["page"] / 2 + sign * _reach(abs(place - height / 2) / (height / 2))
            placed_parts[at] = replace(parts[at], x=x, y=float(place))
    centre = replace(middle, x=WIDTHS["page"] / 2, y=height / 2)
    return height, centre, placed_parts, placed_members


def wrapped(text: str, width: float, most: int) -> list[str]:
    """A text in at most so many lines of a width in inches, cut with … where it is longer."""
    lines, line, words = [], "", text.split()
    for word in words:
        longer = f"{line} {word}" if line else word
        if line and width_of(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    lines = [*lines, line] if line else lines
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    return [_cut(line, width) for line in lines]


def width_of(text: str) -> float:
    """The width of a text in inches."""
    return sum(_advance(character) for character in text) * SIZE / 72


def _cut(line: str, width: float) -> str:
    if width_of(line) <= width:
        return line
    line = line.removesuffix(" …")
    while line and width_of(f"{line}…") > width:
        line = line[:-1]
    return f"{line}…"


@cache
def _advance(character: str) -> float:
    """Width of a character in the figures' font, over its size."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=["sans-serif"])))
    font.set_size(100, 72)
    return font.load_char(ord(character)).linearHoriAdvance / 65536 / 100


def _stacked(heights: Sequence[float]) -> float:
    return sum(heights) + GAP * (len(heights) - 1) if heights else 0.0


def _reach(out: float) -> float:
    """How far from the middle a meta-latent is, for its distance from the middle's height, 0 to 1."""
    room = (SHAPES["middle"][0] + WIDTHS["page"] / 2 - SHAPES["member"][0] - EDGE) / 2
    room -= SHAPES["middle"][0] / 4
    return room - BOW * out**2


def _beside(
    placed: Sequence[Box], members: Sequence[tuple[int, Box]], part: int, height: float
) -> float:
    """The height of the middle of a part's members."""
    own = [entry.y for entry, (of, _) in zip(placed, members, strict=True) if of == part]
    return float(np.mean(own)) if own else height / 2


def _apart(wanted: Sequence[float], heights: Sequence[float], page: float) -> np.ndarray:
    """Heights of centres, from the top down in the given order, apart and nearest to the wanted ones."""
    y, size = np.array(wanted, dtype=float), np.array(heights, dtype=float)
    if not len(y):
        return y
    steps = (size[:-1] + size[1:]) / 2 + GAP
    offset = np.concatenate([[0.0], np.cumsum(steps)])
    low, high = EDGE + size[-1] / 2, page - EDGE - size[0] / 2
    # As least squares has it: where neighbours want to be nearer than they may, they meet in the middle.
    return np.clip(_falling(y + offset), low + offset[-1], high) - offset


def _falling(values: np.ndarray) -> np.ndarray:
    """The nearest sequence that does not rise (pool adjacent violators)."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (mean, count), (above, more) = blocks.pop(), blocks.pop()
            blocks.append([(mean * count + above * more) / (count + more), count + more])
    return np.concatenate([np.full(int(count), mean) for mean, count in blocks])
