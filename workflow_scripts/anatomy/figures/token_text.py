"""Tokens as text in figures: a character a column, with what cannot be seen made visible."""

import re
import unicodedata
from functools import cache

VISIBLE = {"\n": "⏎", "\r": "←", "\t": "→"}
SPACE, SPACES, UNKNOWN, CUT = "·", "␣", "▯", "…"


def visible(token: object, spaces: bool = False, at_most: int | None = None) -> str:
    """The text of a token, in which every character takes one column of a monospaced font.

    Ends of lines and tabs become signs; if `spaces`, every space a dot, else three or more of them, which
    indent a line, one sign. Characters that the font lacks, that have no width or that are written from the
    right become boxes. Empty or missing is empty. What is longer than `at_most` is cut.
    """
    text = token if isinstance(token, str) else ""
    shown = "".join(_shown(character) for character in text)
    shown = shown.replace(" ", SPACE) if spaces else re.sub(" {3,}", SPACES, shown)
    return shown if at_most is None or len(shown) <= at_most else shown[: at_most - 1] + CUT


def _shown(character: str) -> str:
    if character in VISIBLE:
        return VISIBLE[character]
    # Letters that are written from the right would change places with their neighbours.
    straight = unicodedata.bidirectional(character) not in ("R", "AL", "AN")
    single = unicodedata.category(character)[0] not in "CM" and straight
    return character if single and ord(character) in _charmap() else UNKNOWN


@cache
def _charmap() -> frozenset[int]:
    """The characters that figures' monospaced font has."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family="monospace"))).get_charmap())
