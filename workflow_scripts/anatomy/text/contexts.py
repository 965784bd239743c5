"""Contexts: which are cut out of the tokens of a text, evenly spread and not too many of one document.

They are cut from the ids one after another, across the ends of documents; a context is counted to the
document that its middle token is of, or to the book of that.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.text.passages import enough_books
from workflow_scripts.anatomy.text.tokenization import Tokens


def number_of_contexts(tokens: Tokens, length: int, bos_id: int | None) -> int:
    """How many contexts of `length` positions can be cut out of the tokens."""
    return len(tokens.ids) // (length - (bos_id is not None))


# Ids are looked through so many at a time.
IDS_ROWS = 1 << 24


def check_ids(tokens: Tokens, bos_id: int | None, embeddings: int, model: str) -> None:
    """Check that a model with so many embeddings has one of every token, and of the BOS token.

    Raises
    ------
    AnatomyError: it lacks some, so its tokenizer is another model's or has had tokens added.
    """
    highest = -1 if bos_id is None else bos_id
    for start in range(0, len(tokens.ids), IDS_ROWS):
        highest = max(highest, int(tokens.ids[start : start + IDS_ROWS].max()))
    if highest >= embeddings:
        what = "the token that begins a text" if highest == bos_id else f"{tokens.path}: a token"
        raise AnatomyError(
            f"{what} has id {highest}, but model {model} has embeddings of ids 0 to {embeddings - 1} only; "
            f"its tokenizer has tokens that the model lacks: give models.{model}.path the tokenizer that "
            "it was trained with, or resize its embeddings"
        )


def contexts(
    tokens: Tokens, n: int, length: int, bos_id: int | None, max_share: float | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut `n` contexts out of the tokens, in order and evenly spread over all that there are.

    Yields the ids (length,) int32 and, for each, the number of its document (length,) int32.
    With a `bos_id` every context begins with it, counted to the document that follows.

    max_share: of the contexts no document shall have more than this; where texts were cut, no book, if
        there are enough of them. Too little text for that is said in the log, and is no error.

    Raises
    ------
    AnatomyError: there are too few tokens.
    """
    available = number_of_contexts(tokens, length, bos_id)
    if available < n:
        name, split = tokens.path.stem.rpartition(".")[::2]
        raise AnatomyError(
            f"{tokens.path}: too few tokens in dataset {name or split}, split {split}: "
            f"{len(tokens.ids)} are enough for {available} contexts of {length}, not {n}; "
            "lower contexts or context_length, or give the dataset more documents"
        )
    chosen = spread(n, available)
    if max_share is not None:
        chosen = _of_many_documents(tokens, n, length, bos_id, max_share)
    return _cut(tokens, chosen.tolist(), length, bos_id)


def _of_many_documents(
    tokens: Tokens, n: int, length: int, bos_id: int | None, max_share: float
) -> np.ndarray:
    first = bos_id is not None
    middle, step = length // 2 - first, length - first
    begins = -((middle - tokens.offsets) // step)
    begins = begins.clip(0, number_of_contexts(tokens, length, bos_id))
    owner, owners = "document", np.arange(len(begins) - 1)
    if tokens.books is not None and enough_books(tokens.books):
        owner, owners = "book", tokens.books
    # A share like 0.29 of 100 is a little less than 29 in binary.
    limit = max(1, int(max_share * n + 1e-9))
    chosen, most = bounded(begins, owners, n, limit)
    if most > limit:
        log.info(
            f"{tokens.path}: too little text for every {owner} to have at most {limit} of {n} "
            f"contexts (max_document_share {max_share}); the largest has {most}"
        )
    return chosen


def spread(n: int, available: int) -> np.ndarray:
    """`n` of `available` things in a row, evenly spread, (n,) int64 ascending."""
    return np.arange(n, dtype=np.int64) * available // max(n, 1)


def bounded(begins: np.ndarray, owners: np.ndarray, n: int, limit: int) -> tuple[np.ndarray, int]:
    """`n` of all contexts, of which no owner has more than `limit`, if there are so many.

    They are the evenly spread ones, if these keep to the limit. Else an owner that would have more has
    `limit`, spread over its own, and the others are spread over what the other owners have. Where that
    is too little, the limit is the lowest with which it is enough.

    Parameters
    ----------
    begins: (documents + 1,) int64, the first context of each document, and how many there are.
    owners: (documents,) int, from 0; the documents of an owner are neighbours.

    Returns
    -------
    Numbers of contexts, (n,) int64 ascending, and how many the owner with the most has.
    """
    first, sizes = begins[:-1], np.diff(begins)
    chosen = spread(n, int(begins[-1]))
    if (most := _most(chosen, begins, owners)) <= limit:
        return chosen, most
    owned = np.bincount(owners, sizes).astype(np.int64)
    limit = _lowest_limit(owned, n, limit)
    full = np.zeros(len(owned), bool)
    while True:
        # What is left is shared by the others in proportion; whom that gives too much is full as well.
        left, rest = n - limit * int(full.sum()), int(owned[~full].sum())
        more = ~full & (left * owned > limit * rest)
        if not more.any():
            break
        full |= more
    parts = [_spread_over(first, sizes * ~full[owners], left)]
    for owner in np.flatnonzero(full):
        parts.append(_spread_over(first, sizes * (owners == owner), limit))
    chosen = np.sort(np.concatenate(parts))
    return chosen, _most(chosen, begins, owners)


def _lowest_limit(owned: np.ndarray, n: int, limit: int) -> int:
    """The lowest limit, not below the one given, with which the owners have n contexts together."""
    low, high = limit, max(limit, int(owned.max()))
    while low < high:
        middle = (low + high) // 2
        if np.minimum(owned, middle).sum() < n:
            low = middle + 1
        else:
            high = middle
    return low


def _spread_over(first: np.ndarray, sizes: np.ndarray, n: int) -> np.ndarray:
    """`n` contexts evenly spread over documents that begin at `first` and have `sizes` contexts."""
    ends = np.cumsum(sizes)
    wanted = spread(n, int(ends[-1]))
    document = np.searchsorted(ends, wanted, side="right")
    return first[document] + wanted - (ends - sizes)[document]


def _most(chosen: np.ndarray, begins: np.ndarray, owners: np.ndarray) -> int:
    documents = np.searchsorted(begins, chosen, side="right") - 1
    return int(np.bincount(owners[documents]).max())


def _cut(
    tokens: Tokens, chosen: Iterable[int], length: int, bos_id: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    first = 0 if bos_id is None else 1
    step = length - first
    for at in (number * step for number in chosen):
        ids = np.empty(length, np.int32)
        ids[:first] = bos_id or 0
        ids[first:] = tokens.ids[at : at + step]
        document = np.searchsorted(tokens.offsets, np.arange(at, at + step), side="right") - 1
        yield ids, np.concatenate([document[:first], document]).astype(np.int32)
