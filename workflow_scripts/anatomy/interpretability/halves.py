"""The two halves of a harvest: what latents are explained from, and what the explanations are tested on.

What is dealt is whole documents, or books where these are the units (`statistics.units`): texts repeat
themselves, so an explanation that is tested on the document it was made from is tested on what it has seen.
"""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.interpretability.peaks import window_start
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.units import Units
from workflow_scripts.anatomy.text.passages import MIN_BOOKS


@dataclass(frozen=True, eq=False)
class Halves:
    """The explanation half and the detection half.

    A context may have documents of both, so it is cut into S stretches of tokens of one half, from the first
    position that counts on. A token is on the side of its document, and its window is moved to lie in the
    stretch of the token, as windows are moved to lie in their context. So neither what an explanation is
    made from, nor what it is tested on, shows any text of the other half; and a latent that fires where
    documents begin keeps its windows. A stretch that is shorter than a window has none. That an activation
    depends on what the model has read before, of the other half too, is not undone.

    units: of the harvest.
    explained: (D,) bool, which of the units latents are explained from; None where contexts were dealt,
        because all tokens are of one document.
    starts, stops: (S,) int64, the stretches, ascending, among all C * T tokens.
    explains: (S,) bool, whether they are of the explanation half.
    """

    units: Units
    explained: np.ndarray | None
    starts: np.ndarray
    stops: np.ndarray
    explains: np.ndarray

    @classmethod
    def of(cls, units: Units, seed: int) -> "Halves":
        """Deal the documents of a harvest, in a random order, so that each half has half of the tokens.

        A function of the documents and the seed: whatever is explained on a harvest has the same halves.
        """
        contexts, positions = units.shape
        generator = np.random.default_rng([seed, 0])
        if len(units.numbers) < 2:
            explains = np.zeros(contexts, dtype=bool)
            explains[generator.permutation(contexts)[: contexts // 2]] = True
            starts = np.arange(contexts) * positions
            return cls(units, None, starts + units.first, starts + positions, explains)
        # Not by the seed itself: it deals the documents which regressions are fitted on.
        own_seed = int(generator.integers(2**62))
        explained = Split("document", 0.5, own_seed, units.first, units).trained_units
        return cls(units, explained, *_stretches(units, explained))

    def windows(
        self, context: np.ndarray, position: np.ndarray, window: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Windows of tokens that count, given as arrays of one length.

        Returns where in its context each window starts, int64; whether it is of the explanation half, bool;
        and whether there is one at all, bool: the stretch is long enough.
        """
        base = context * self.units.shape[1]
        at = np.searchsorted(self.starts, base + position, side="right") - 1
        first, stop = self.starts[at] - base, self.stops[at] - base
        start = window_start(position, window, first, stop)
        return start, self.explains[at], stop - first >= window

    def explain(self, context: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Whether tokens that count are of the explanation half, bool."""
        return self.windows(context, position, 1)[1]

    def random_windows(
        self, explains: bool, window: int, number: int, generator: np.random.Generator
    ) -> np.ndarray:
        """`number` of all windows of one half, drawn with replacement, or none where there is none: the first
        token of each, among all C * T."""
        room = np.maximum(self.stops - self.starts - window + 1, 0) * (self.explains == explains)
        ends = np.cumsum(room)
        drawn = generator.integers(0, ends[-1], number) if ends[-1] else np.zeros(0, np.int64)
        at = np.searchsorted(ends, drawn, side="right")
        return self.stops[at] - window - (ends[at] - 1 - drawn)

    def account(self) -> tuple[list[str], list[str]]:
        """What is in either half, in words; and cautions about scores that are measured so."""
        units = self.units
        if self.explained is None:
            parts = [f"{n} contexts" for n in (self.explains.sum(), (~self.explains).sum())]
            caution = (
                "all tokens are of one document, so latents are explained and tested on contexts of the "
                "same document, and scores may be too high for other texts; give the dataset more "
                "documents, or cut it (datasets.*.passages)"
            )
            return _sides(parts), [caution]
        parts = [
            f"{units.described(chosen)}, {units.tokens[chosen].sum()} tokens"
            for chosen in (self.explained, ~self.explained)
        ]
        cautions = []
        if units.kind == "passage":
            cautions.append(
                "latents are explained and tested on passages of the same books, and scores may be too "
                f"high for other books; with {MIN_BOOKS} books or more, whole books would be dealt"
            )
        return _sides(parts), cautions


def _stretches(units: Units, explained: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, stops and halves of the stretches, from which of the units latents are explained from."""
    positions = units.shape[1]
    stops = np.append(units.run_starts[1:], units.shape[0] * positions)
    context = units.run_starts // positions
    starts = np.maximum(units.run_starts, context * positions + units.first)
    # A unit without a place has no text from the first position on, only separators: those are of neither
    # half, and part no stretch.
    kept = np.flatnonzero((units.run_places >= 0) & (starts < stops))
    starts, stops, context = starts[kept], stops[kept], context[kept]
    explains = explained[units.run_places[kept]]
    new = np.ones(len(kept), dtype=bool)
    new[1:] = (explains[1:] != explains[:-1]) | (context[1:] != context[:-1])
    begins = np.flatnonzero(new)
    ends = np.append(begins[1:], len(kept)) - 1
    return starts[begins], stops[ends], explains[begins]


def _sides(parts: list[str]) -> list[str]:
    return [f"explained from: {parts[0]}", f"tested on: {parts[1]}"]
