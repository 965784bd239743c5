"""Text that is shown as it is: what would be invisible, or would turn a line around, becomes a visible mark."""

import unicodedata

LONGEST = 200
MARKS = {"\n": "↵", "\r": "␍", "\t": "→"}
# Categories of characters that show nothing: controls, formats (bidi marks, zero width), halves of pairs,
# private use, unassigned, ends of lines and paragraphs.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str, at_most: int = LONGEST) -> str:
    """A text on one line, every character to be seen, at most so many letters.

    Controls, bidi and zero-width characters become their number, as ⟨U+202E⟩; line ends and tabs a sign.
    """
    shown = "".join(_mark(letter) for letter in text[:at_most])
    return shown if len(text) <= at_most else f"{shown}…"


def _mark(letter: str) -> str:
    if letter in MARKS:
        return MARKS[letter]
    if unicodedata.category(letter) in UNSEEN:
        return f"⟨U+{ord(letter):04X}⟩"
    return letter


def spans(text: str) -> list[tuple[bool, str]]:
    """The parts of a text of our own in which backticks set off code: whether it is code, and the part.

    A backtick without a partner is a backtick.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [(False, text)]
    return [(at % 2 == 1, part) for at, part in enumerate(parts) if part]
