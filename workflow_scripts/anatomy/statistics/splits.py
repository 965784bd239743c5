"""Which tokens regressions are fitted on, and which they are judged on."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.units import Units
from workflow_scripts.anatomy.text.passages import MIN_BOOKS

# Fewer held-out documents than this make no interval that can be relied on.
MIN_HELD_OUT = 20
# Masks of a whole harvest are gone through so many tokens at a time.
ROWS = 1 << 20


@dataclass(frozen=True)
class Split:
    """A split into training and held-out tokens.

    kind: ``document`` holds out whole documents (books, where these are the units), ``context`` whole
        contexts, ``paper`` single tokens (dark-matter paper, section 4: a random 150k of 247k activations).
    train_fraction: share of the tokens of documents that is trained on; or the probability of a
        context, or of a token, to be trained on.
    min_position: earlier tokens belong to neither side; nor do separators, where `units` knows of any.
    units: what is independent among the tokens, which ``document`` needs. Its tokens decide which units
        are trained on, whatever `min_position`: splits that differ in it alone have the same sides.
    """

    kind: str
    train_fraction: float
    seed: int
    min_position: int
    units: Units | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, analysis: dict[str, Any], seed: int, store: Any, first: int | None = None
    ) -> "Split":
        """The split that the configuration's ``analysis`` block asks for, on a harvest or its codes.

        first: another first position of the tokens that belong to a side than the store's `min_position`.
            A unit is on the side that it is on without it: what is measured from another position on is
            held out of what was fitted from `min_position` on. A unit without any token from there on is
            on neither side.

        Raises
        ------
        AnatomyError: ``document``, and all tokens are of one document.
        """
        kind, fraction, units = analysis["split"], analysis["train_fraction"], store.units
        if kind == "document" and len(units.numbers) < 2:
            raise AnatomyError(
                f"{store.path}: all tokens are of one document, so none can be held out; give the "
                "dataset more documents, cut it (datasets.*.passages), or set analysis.split to context"
            )
        return cls(kind, fraction, seed, store.min_position if first is None else first, units)

    @cached_property
    def trained_units(self) -> np.ndarray:
        """Which of the units are trained on, (D,) bool.

        In a random order that depends on the seed, units are trained on until they hold the share of
        the tokens that is asked for; at least one is, and at least one is held out. Those of a group
        are neighbours in that order too: else contexts of many short documents would all have some
        of both sides.
        """
        units = self.units
        assert units is not None
        tokens = units.tokens
        rank = np.random.default_rng(self.seed).permutation(units.n_groups)
        order = np.argsort(rank[units.group_of(np.arange(len(tokens)))], kind="stable")
        before = np.cumsum(tokens[order]) - tokens[order]
        # A unit that would lie across the boundary goes to the side where most of it is.
        wanted = before + tokens[order] / 2 < self.train_fraction * tokens.sum()
        wanted[0], wanted[-1] = True, False
        trained = np.zeros(len(tokens), bool)
        trained[order] = wanted
        return trained

    def held_out_contexts(self, shape: tuple[int, int], wanted: int) -> list[int]:
        """`wanted` of the contexts that nothing was fitted on, evenly spread, or all if they are fewer.

        With ``paper``, which leaves no context untouched, of all contexts.

        Raises
        ------
        AnatomyError: training took every context.
        """
        contexts, positions = shape
        if self.kind == "paper":
            untouched = np.arange(contexts)
        else:
            first = self.min_position if self.units is None else self.units.first
            # What was fitted may have been on earlier tokens than those that this split is of.
            fitted = replace(self, min_position=min(self.min_position, first))
            trained = [fitted.masks(block, positions)[0].any(1) for block in _blocks(shape)]
            untouched = np.flatnonzero(~np.concatenate(trained))
        if not len(untouched):
            raise AnatomyError(
                f"the split leaves none of {contexts} contexts held out; lower "
                "analysis.train_fraction or raise the analysis harvest's contexts"
            )
        wanted = min(wanted, len(untouched))
        return untouched[np.arange(wanted) * len(untouched) // wanted].tolist()

    def masks(self, contexts: slice, positions: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and held-out masks of some contexts, two (c, T) boolean arrays.

        They do not depend on how contexts are grouped in blocks; but with ``document`` they depend on
        which documents the harvest holds, and with no other kind on any other context.
        """
        known: np.ndarray | bool = True
        if self.kind == "document":
            assert self.units is not None
            places = self.units.places(contexts)
            train, known = self.trained_units[places], places >= 0
        else:
            # Each context draws from a generator of its own.
            train = np.empty((contexts.stop - contexts.start, positions), bool)
            for row, context in enumerate(range(contexts.start, contexts.stop)):
                generator = np.random.default_rng([self.seed, context])
                draws = generator.random(1 if self.kind == "context" else positions)
                train[row] = draws < self.train_fraction
        used = np.arange(positions) >= self.min_position
        if self.units is not None:
            used = self.units.text(contexts) & used & known
        return train & used, ~train & used


def account(split: Split) -> tuple[list[str], list[str]]:
    """What is on either side of a split, in words; and cautions about intervals over the held-out side."""
    units = split.units
    assert units is not None
    tokens = tokens_of_sides(split)
    trained, held_out = (units.described(of_units > 0) for of_units in tokens)
    sides = [
        f"trained on: {trained}, {tokens[0].sum()} tokens",
        f"held out: {held_out}, {tokens[1].sum()} tokens",
    ]
    cautions = []
    if units.kind == "passage":
        everything = units.described(np.ones(len(units.numbers), bool))
        cautions.append(
            f"intervals are over passages, and all tokens are from {everything}: for other books they "
            f"are too narrow; with {MIN_BOOKS} books or more they would be over books"
        )
    if (tokens[1] > 0).sum() < MIN_HELD_OUT:
        cautions.append(
            f"{held_out} held out: fewer than {MIN_HELD_OUT} are too few for an interval; treat intervals "
            "as too narrow, and claims that rest on them as undecided"
        )
    return sides, cautions


def tokens_of_sides(split: Split) -> np.ndarray:
    """How many tokens of each unit are trained on, and how many are held out, (2, D) int64."""
    units = split.units
    assert units is not None
    tokens = np.zeros((2, len(units.numbers)), np.int64)
    for block in _blocks(units.shape):
        places = units.places(block)
        for side, mask in enumerate(split.masks(block, units.shape[1])):
            tokens[side] += np.bincount(places[mask], minlength=len(units.numbers))
    return tokens


def _blocks(shape: tuple[int, int]) -> Iterator[slice]:
    contexts, positions = shape
    step = max(1, ROWS // positions)
    for start in range(0, contexts, step):
        yield slice(start, min(start + step, contexts))
