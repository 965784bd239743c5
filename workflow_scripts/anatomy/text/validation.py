"""Which of the text is held out for validation.

The side of a document depends on a hash of its id alone, so adding documents moves none of the others.
Of a dataset that is cut into passages every book of some length has passages on both sides: they are
dealt book by book, so that the share of those held out is the one asked for.
"""

import hashlib
import json
import math
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


def scattered(identifier: str) -> int:
    """A number below 2^64 that depends on the id alone and on nothing about it."""
    digest = hashlib.blake2b(identifier.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def in_validation(identifier: str, fraction: float) -> bool:
    """Whether a document is held out: a hash of its id, read as a number in [0, 1), < fraction."""
    return scattered(identifier) < fraction * 2.0**64


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
                    "(a .txt file is one document, a line of a .jsonl file is one)"
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
            yield in_validation(identifier, fraction), {"id": identifier, "text": text}
        return
    owed = 0.0  # passages that would make up for what was dealt before
    for book, text in found:
        lines = [
            {"id": f"{book}#{number}", "book": book, "text": passage}
            for number, passage in enumerate(cut(text, characters), start=1)
        ]
        owed += fraction * len(lines)
        both = int(len(lines) >= PASSAGES_ON_BOTH_SIDES)
        number = min(max(math.floor(owed + 0.5), both), len(lines) - both)
        owed -= number
        held_out = sorted((line["id"] for line in lines), key=scattered)[:number]
        for line in lines:
            yield line["id"] in held_out, line
