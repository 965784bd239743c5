"""Labels of the tokens of a harvest of Python source, read from the whole files that they are of.

Labels of characters come to tokens by the tokenizer's offsets, and are then cut into contexts by the
same function that cut the tokens, so nothing of a model or an SAE is run anew.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.probing.examples import (
    Amounts,
    Examples,
    Problem,
    drawn,
    one_against_others,
)
from workflow_scripts.anatomy.probing.python_source import BIT, KINDS, characters
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text.contexts import contexts
from workflow_scripts.anatomy.text.tokenization import Tokens, load_tokenizer

# A token's label: bits of its concepts, its kind above them, and that its file was read.
KIND_SHIFT, READ = 24, 1 << 30
# Data sets beside the concepts: what kind of token, and of which package a passage of text is.
MULTICLASS = ("kind", "package")
# A passage of fewer tokens of a document within a context says little of its package.
PASSAGE_TOKENS = 32


def token_labels(documents: Path, tokenizer: Path, tokens: Tokens) -> tuple[np.ndarray, list[str]]:
    """Labels of all tokens of a split, and the ids of its documents.

    Returns
    -------
    (n,) int32, as `KIND_SHIFT` and `READ` say, 0 where Python cannot read the file; documents' ids.

    Raises
    ------
    AnatomyError: the documents do not give these tokens, or Python can read none of them.
    """
    loaded = load_tokenizer(tokenizer)
    loaded.encode_special_tokens = True
    loaded.no_padding()
    loaded.no_truncation()
    labels, unread = np.zeros(len(tokens.ids), np.int32), 0
    names: list[str] = []
    lines = _lines(documents)
    while batch := list(islice(lines, 64)):
        encoded = loaded.encode_batch([line["text"] for line in batch], add_special_tokens=False)
        for line, encoding in zip(batch, encoded, strict=True):
            start = int(tokens.offsets[len(names)])
            names.append(line["id"])
            end = start + len(encoding.ids)
            if not np.array_equal(tokens.ids[start:end], encoding.ids):
                raise AnatomyError(
                    f"{tokens.path}: these are not the tokens of {line['id']} in {documents}; "
                    "delete it and rerun"
                )
            try:
                concepts, kinds = characters(line["text"])
            except (SyntaxError, ValueError, RecursionError):
                unread += 1
                continue
            at = _representatives(line["text"], np.array(encoding.offsets).reshape(-1, 2))
            both = concepts[at] | kinds[at].astype(np.uint32) << KIND_SHIFT | READ
            labels[start:end] = both.astype(np.int32)
    log.info(f"{documents}: {len(names) - unread} files of Python read, {unread} left out")
    if unread == len(names):
        raise AnatomyError(
            f"{documents}: none of its documents is Python source, which labelled.*.kind python_tokens "
            "needs; name sets of another kind"
        )
    return labels, names


def _lines(documents: Path) -> Iterator[dict[str, str]]:
    with open(documents, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _representatives(text: str, offsets: np.ndarray) -> np.ndarray:
    """The character that speaks for each token: its first that is no space, or else its first.

    Of a character that is several tokens, it is that character for each.
    """
    blank = np.array([character.isspace() for character in text] + [False])
    # From each character, the next that is no space.
    nearest = np.where(blank, len(text), np.arange(len(blank)))
    nearest = np.minimum.accumulate(nearest[::-1])[::-1]
    start, end = offsets[:, 0].clip(max=len(text) - 1), offsets[:, 1]
    return np.where(nearest[start] < end, nearest[start], start)


@dataclass(frozen=True)
class Labelled:
    """The labels of a harvest's positions, all (C, T), and what side each position is on.

    labels as `token_labels`; places: of the document among those of the split, -1 for none; train,
    test: positions from `min_position` on of documents that are trained and tested on.
    """

    labels: np.ndarray
    documents: np.ndarray
    places: np.ndarray
    train: np.ndarray
    test: np.ndarray


def in_contexts(
    labels: np.ndarray,
    tokens: Tokens,
    store: ActivationStore,
    harvest: dict[str, Any],
    split: Split,
) -> Labelled:
    """Cut labels as the harvest's tokens were cut.

    Raises
    ------
    AnatomyError: the tokens, cut again, are not those of the harvest.
    """
    n, length, share = harvest["contexts"], harvest["context_length"], harvest["max_document_share"]
    stored = read(store.group["tokens"], slice(0, n), store.path)
    bos = int(stored[0, 0]) if store.group.attrs["has_bos"] else None
    again = np.stack([ids for ids, _ in contexts(tokens, n, length, bos, share)])
    if not np.array_equal(again, stored):
        raise AnatomyError(f"{store.path}: not the contexts of {tokens.path}; delete it and rerun")
    cut = np.stack([ids for ids, _ in contexts(replace(tokens, ids=labels), n, length, bos, share)])
    if bos is not None:
        cut[:, 0] = 0
    every = slice(0, n)
    documents = read(store.group["documents"], every, store.path)
    return Labelled(cut, documents, store.units.places(every), *split.masks(every, length))


def python_examples(
    found: Labelled, names: list[str], wanted: list[str], family: str, amounts: Amounts, seed: int
) -> Examples:
    """Examples of the data sets `wanted`: tokens for concepts and their kind, passages for packages.

    names: ids of the documents; family: what the concepts are together.
    """
    usable = (found.train | found.test) & (found.labels & READ > 0) & (found.places >= 0)
    context, position = np.nonzero(usable)
    tokens = np.stack([context, position, position + 1], 1)
    label, train, units = (each[usable] for each in (found.labels, found.train, found.places))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    problems: list[Problem] = []

    def add(dataset, classes, class_names, candidates, of=None, only=None):
        places, documents, sides = candidates
        seeds = seed + 1000 * len(problems)
        rows = drawn(classes, documents, sides, amounts, seeds)
        begin = sum(len(part[0]) for part in parts)
        parts.append((places[rows], documents[rows], sides[rows]))
        of_drawn = classes[rows], documents[rows], sides[rows]
        places = begin + np.arange(len(rows))
        problems.extend(
            one_against_others(dataset, class_names, *of_drawn, places, seeds, only, of)
        )

    for name in wanted:
        if name == "kind":
            add(name, label >> KIND_SHIFT & 15, list(KINDS), (tokens, units, train))
        elif name == "package":
            passages = _passages(found, usable)
            package = [_package(names[document]) for document in passages[3]]
            known, classes = np.unique(package, return_inverse=True)
            add(name, classes, known.tolist(), passages[:3])
        else:
            other = (label & int(BIT[name]) == 0).astype(np.int64)
            add(name, other, [name, "other"], (tokens, units, train), family, [name])
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    return Examples(joined[1].astype(np.int64), joined[2], problems, joined[0])


def _passages(
    found: Labelled, usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Runs of tokens of one document in a context: places, unit, side and document of each."""
    change = np.ones(usable.shape, bool)
    change[:, 1:] = found.documents[:, 1:] != found.documents[:, :-1]
    change[:, 1:] |= usable[:, 1:] != usable[:, :-1]
    starts = np.flatnonzero(change.ravel())
    lengths = np.diff(starts, append=usable.size)
    kept = usable.ravel()[starts] & (lengths >= PASSAGE_TOKENS)
    starts, lengths = starts[kept], lengths[kept]
    context, position = np.divmod(starts, usable.shape[1])
    places = np.stack([context, position, position + lengths], 1)
    units, train, documents = (
        each.ravel()[starts] for each in (found.places, found.train, found.documents)
    )
    return places, units, train, documents


def _package(identifier: str) -> str:
    """The top-level package of a file, from its path; all modules outside of packages are one."""
    head, slash, _ = identifier.partition("#")[0].partition("/")
    return head if slash else "(module)"
