"""Long texts cut into passages, and when a book, not a passage, is what tokens share.

A document is held out as a whole, and is one observation. Six books are six documents: whichever is held
out, it is unlike the others. So where documents are few they are cut into passages.
"""

import re

import numpy as np

# With `passages: auto` a dataset of fewer documents is cut, into passages of so many characters.
FEW_DOCUMENTS = 40
PASSAGE_CHARACTERS = 20_000
# Fewer books than this tell too little of how books differ: their passages are resampled instead.
MIN_BOOKS = 20

# Where a text may be cut, best first: after blank lines, after a line, after a space.
ENDS = tuple(map(re.compile, (r"\n(?:[^\S\n]*\n)+", r"\n", r"\s")))


def number_of_passages(text_characters: int, characters: int) -> int:
    """How many passages of about so many characters a text is cut into."""
    return max(1, round(text_characters / characters))


def cut(text: str, characters: int) -> list[str]:
    """Cut a text into passages of nearly equal length, at the ends of paragraphs or at least of lines.

    Joined they are the text, but for passages of white space alone, which are left out.
    """
    number = number_of_passages(len(text), characters)
    length = len(text) / number
    bounds = [_end_near(text, round(length * at), int(length / 4)) for at in range(1, number)]
    starts, ends = [0, *bounds], [*bounds, len(text)]
    passages = (text[start:end] for start, end in zip(starts, ends, strict=True))
    return [passage for passage in passages if passage.strip()]


def enough_books(books: np.ndarray) -> bool:
    """Whether the books of some passages, as an array of numbers, are enough to be resampled."""
    return len(np.unique(books)) >= MIN_BOOKS


def _end_near(text: str, wanted: int, reach: int) -> int:
    """The place nearest to `wanted`, and within reach, where a text is best cut."""
    for end in ENDS:
        places = [found.end() for found in end.finditer(text, wanted - reach, wanted + reach)]
        if places:
            return min(places, key=lambda place: abs(place - wanted))
    return wanted
