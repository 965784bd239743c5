"""Which of the text is held out for validation.

The side of a document depends on a hash of its words alone. Adding documents, putting them in another order
or spelling a path otherwise moves none of them, and a document that is there twice is on one side. Of a
dataset that is cut into passages every book of some length has passages on both sides, about the share of it
that is asked for.
"""

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.store import replacing
from workflow_scripts.anatomy.text.passages import (
    FEW_DOCUMENTS,
    PASSAGE_CHARACTERS,
    cut,
    number_of_passages,
)

Document = tuple[str, str]
# What is written of a document: {"id", "text"}, of a passage also {"book"}.
Line = dict[str, str]

# A book of so many passages has some of them on both sides.
PASSAGES_ON_BOTH_SIDES = 5


WHITE_SPACE = re.compile(r"\s+")


def scattered(text: str) -> int:
    """A number below 2^64 that depends on the text alone and on nothing about it."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def place(text: str) -> float:
    """A number in [0, 1) that depends on the words of a text alone: copies differ in ends of lines, if at all."""
    return scattered(WHITE_SPACE.sub(" ", text).strip()) / 2.0**64


def in_validation(text: str, fraction: float) -> bool:
    """Whether a document of this text is held out: its place is below the fraction."""
    return place(text) < fraction


def write_splits(
    found: Iterable[Document],
    fraction: float,
    train: Path,
    validation: Path,
    name: str,
    passages: str | int = "auto",
) -> dict[str, int]:
    """Write documents as JSON lines {"id", "text"} to two files; return how many are in each.

    passages: ``never``; a number of characters, into passages of which every text is cut; or ``auto``,
        which does so if there are fewer than `FEW_DOCUMENTS` and one of them is long. Lines of
        passages have the id of their ``book`` too; their own is that and a number.

    Raises
    ------
    AnatomyError: there are no documents, or one of the two splits has none.
    """
    count = {"train": 0, "validation": 0}
    with ExitStack() as stack:
        outputs = {
            split: stack.enter_context(
                open(stack.enter_context(replacing(path)), "w", encoding="utf-8")
            )
            for split, path in (("train", train), ("validation", validation))
        }
        waiting = stack.enter_context(tempfile.TemporaryFile("w+", dir=train.parent))
        found, characters = _looked_at(found, passages, waiting)
        if characters is not None:
            few = f"fewer than {FEW_DOCUMENTS} documents, so " if passages == "auto" else ""
            log.info(f"{name}: {few}texts are cut into passages of about {characters} characters")
        for held_out, line in _dealt(found, fraction, characters):
            split = "validation" if held_out else "train"
            outputs[split].write(json.dumps(line, ensure_ascii=False) + "\n")
            count[split] += 1
        if sum(count.values()) == 0:
            raise AnatomyError(f"datasets.{name}: every document is empty; choose other text")
        for split, number in count.items():
            if number == 0:
                raise AnatomyError(
                    f"datasets.{name}: none of its {sum(count.values())} documents fall into the "
                    f"{split} split; change validation_fraction (now {fraction}) or add documents "
                    "(a .txt file is one document, a line of a .jsonl file is one; copies of one are on one side)"
                )
    return count


def _looked_at(
    found: Iterable[Document], passages: str | int, waiting: Any
) -> tuple[Iterator[Document], int | None]:
    """The same documents, and of how many characters their passages are, None if they stay whole.

    The first documents wait on disk, in `waiting`, until it is clear whether they are all there are.
    """
    found = iter(found)
    if passages != "auto":
        return found, None if passages == "never" else int(passages)
    lengths = []
    for document in islice(found, FEW_DOCUMENTS):
        waiting.write(json.dumps(document) + "\n")
        lengths.append(len(document[1]))
    waiting.seek(0)
    first = (tuple(json.loads(line)) for line in waiting)
    long = number_of_passages(max(lengths, default=0), PASSAGE_CHARACTERS) > 1
    few = len(lengths) < FEW_DOCUMENTS
    return chain(first, found), PASSAGE_CHARACTERS if few and long else None


def _dealt(
    found: Iterable[Document], fraction: float, characters: int | None
) -> Iterator[tuple[bool, Line]]:
    """What is written of every document, or of every passage of it, and whether it is held out."""
    if characters is None:
        for identifier, text in found:
            yield in_validation(text, fraction), {"id": identifier, "text": text}
        return
    for book, text in found:
        passages = cut(text, characters)
        held_out = _held_out(passages, fraction, place(text))
        for number, passage in enumerate(passages, start=1):
            line = {"id": f"{book}#{number}", "book": book, "text": passage}
            yield place(passage) in held_out, line


def _held_out(passages: list[str], fraction: float, rounding: float) -> set[float]:
    """The places of the passages of a book that are held out.

    rounding: in [0, 1), of the book: so much of a passage counts as a whole one, so that books of few
        passages have the share asked for together.
    """
    places = sorted({place(passage) for passage in passages})
    both = int(len(places) >= PASSAGES_ON_BOTH_SIDES)
    number = math.floor(fraction * len(places) + rounding)
    return set(places[: min(max(number, both), len(places) - both)])
