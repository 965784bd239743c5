"""What is independent among the tokens of a harvest: held out, and resampled, as a whole.

That is the document. Contexts are slices of documents, so contexts of one document are as little
independent as tokens of one context. Where long texts were cut into passages, a document is a passage,
and what is independent is the book: with too few books to resample, passages take their place, and
intervals are then about other passages of the same books.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from workflow_scripts.anatomy.text.passages import enough_books

# Units are resampled in at most so many groups of neighbours, so that what is kept per group does not
# grow with the number of tokens.
N_GROUPS = 256


@dataclass(frozen=True, eq=False)
class Units:
    """Which unit each token of C contexts of T positions is of, and which tokens count.

    Tokens from `first` on count, but for separators of documents, where these are told apart.

    kind: ``document``; or, where texts were cut, ``book``, or ``passage`` if books are too few.
    shape: (C, T).
    numbers: (D,) int64, ascending, the units that have tokens; tokens: (D,) int64, how many.
    run_starts, run_places: (R,) int64, where runs of tokens of one unit in one context begin, among
        all C * T, and the place of that unit in `numbers`, -1 if it has no token that counts.
    run_text: (R,) bool, whether these are text; separators are not.
    first: position of a context before which no token counts.
    documents: (N,) int64, ascending, the documents that have tokens.
    books: the book of every document of the text, None where none was cut.
    """

    kind: str
    shape: tuple[int, int]
    numbers: np.ndarray
    tokens: np.ndarray
    run_starts: np.ndarray
    run_places: np.ndarray
    run_text: np.ndarray
    first: int
    documents: np.ndarray
    books: np.ndarray | None

    @classmethod
    def of(
        cls,
        blocks: Iterable[np.ndarray],
        first: int = 0,
        books: np.ndarray | None = None,
        separators: Iterable[np.ndarray] | None = None,
    ) -> "Units":
        """Look once through the documents of all tokens, (c, T) for each block of contexts.

        separators: (c, T) bool for each of the blocks, the tokens that are none of the text.
        """
        starts, documents, texts, contexts, positions = [], [], [], 0, 0
        apart = repeat(None) if separators is None else separators
        for block, ends in zip(blocks, apart, strict=separators is not None):
            changes = np.ones(block.shape, bool)
            np.not_equal(block[:, 1:], block[:, :-1], out=changes[:, 1:])
            if ends is None:
                ends = np.zeros(block.shape, bool)
            changes[:, 1:] |= ends[:, 1:] != ends[:, :-1]
            positions = block.shape[1]
            found = np.flatnonzero(changes)
            starts.append(found + contexts * positions)
            documents.append(block.reshape(-1)[found].astype(np.int64))
            texts.append(~ends.reshape(-1)[found])
            contexts += len(block)
        start, document, text = map(np.concatenate, (starts, documents, texts))
        lengths = np.diff(start, append=contexts * positions)
        count = np.maximum(lengths - np.maximum(first - start % positions, 0), 0) * text
        counted = np.unique(document[count > 0])
        kind, unit = "document", document
        if books is not None:
            kind = "book" if enough_books(books[counted]) else "passage"
            unit = books[document].astype(np.int64) if kind == "book" else document
        numbers = np.unique(unit[count > 0])
        place = np.searchsorted(numbers, unit)
        place[~np.isin(unit, numbers)] = -1
        tokens = np.bincount(place[count > 0], count[count > 0], len(numbers)).astype(np.int64)
        shape = (contexts, positions)
        runs = (start, place, text)
        return cls(kind, shape, numbers, tokens, *runs, first, counted, books)

    @property
    def n_groups(self) -> int:
        """How many groups there are: one a unit, up to `N_GROUPS` of neighbours."""
        return min(len(self.numbers), N_GROUPS)

    def places(self, contexts: slice) -> np.ndarray:
        """Place among `numbers` of the unit of each token of some contexts, (c, T) int64.

        A token that does not count may have -1.
        """
        return self._of_tokens(self.run_places, contexts)

    def text(self, contexts: slice) -> np.ndarray:
        """Which tokens of some contexts are no separators, (c, T) bool, wherever they are."""
        return self._of_tokens(self.run_text, contexts)

    def used(self, contexts: slice) -> np.ndarray:
        """Which tokens of some contexts count, (c, T) bool."""
        return self.text(contexts) & (np.arange(self.shape[1]) >= self.first)

    def _of_tokens(self, of_runs: np.ndarray, contexts: slice) -> np.ndarray:
        begin, end = contexts.start * self.shape[1], contexts.stop * self.shape[1]
        runs = slice(*np.searchsorted(self.run_starts, [begin, end]))
        lengths = np.diff(self.run_starts[runs], append=end)
        return np.repeat(of_runs[runs], lengths).reshape(-1, self.shape[1])

    def groups(self, contexts: slice) -> np.ndarray:
        """Group of each token of some contexts, (c, T) int64, negative where its place is."""
        return self.group_of(self.places(contexts))

    def group_of(self, places: np.ndarray) -> np.ndarray:
        """Groups of units, of any shape, from their places among `numbers`."""
        return places * self.n_groups // len(self.numbers)

    def described(self, chosen: np.ndarray) -> str:
        """In words, how many units are `chosen`, (D,) bool; of passages also how many books, and so on."""
        count = int(chosen.sum())
        if self.books is None:
            return _counted(count, "document")
        if self.kind == "book":
            passages = np.isin(self.books[self.documents], self.numbers[chosen])
            return f"{_counted(count, 'book')} ({_counted(int(passages.sum()), 'passage')})"
        books = np.unique(self.books[self.numbers[chosen]])
        return f"{_counted(count, 'passage')} of {_counted(len(books), 'book')}"


def sum_by_group(values: np.ndarray, groups: np.ndarray, n: int) -> np.ndarray:
    """Sums of values (N, ...) in each of n groups, (n, ...) float64; groups (N,) int64.

    Values are added one by one, in their order.
    """
    from scipy.sparse import csr_matrix

    inner = values.shape[1:]
    rows = np.asarray(values, np.float64).reshape(len(groups), math.prod(inner))
    entries = (np.ones(len(groups)), (groups, np.arange(len(groups))))
    return (csr_matrix(entries, (n, len(groups))) @ rows).reshape(n, *inner)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
