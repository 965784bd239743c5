"""Which tokens regressions are fitted on, and which they are judged on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError


@dataclass(frozen=True)
class Split:
    """A split into training and held-out tokens.

    kind: ``context`` holds out whole contexts, ``paper`` single tokens (dark-matter paper, section 4:
        a random 150k of 247k activations).
    train_fraction: probability of a context (or token) to be trained on.
    min_position: earlier tokens belong to neither side.
    """

    kind: str
    train_fraction: float
    seed: int
    min_position: int

    @classmethod
    def of(cls, analysis: dict[str, Any], seed: int, store: Any) -> "Split":
        """The split that the configuration's ``analysis`` block asks for, on a harvest or its codes."""
        return cls(analysis["split"], analysis["train_fraction"], seed, store.min_position)

    def held_out_contexts(self, shape: tuple[int, int], wanted: int) -> list[int]:
        """The first `wanted` of the contexts that nothing was fitted on, or fewer if there are fewer.

        With ``paper``, which leaves no context untouched, the first contexts of all.

        Raises
        ------
        AnatomyError: every context was fitted on.
        """
        contexts, positions = shape
        if self.kind == "paper":
            return list(range(min(wanted, contexts)))
        found = []
        for context in range(contexts):
            train, _ = self.masks(slice(context, context + 1), positions)
            if not train.any():
                found.append(context)
            if len(found) == wanted:
                break
        if not found:
            raise AnatomyError(
                f"the split leaves none of {contexts} contexts held out; lower "
                "analysis.train_fraction or raise the analysis harvest's contexts"
            )
        return found

    def masks(self, contexts: slice, positions: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and held-out masks of some contexts, two (c, T) boolean arrays.

        Each context draws from a generator of its own, so that the masks depend neither on how
        contexts are grouped in blocks nor on how many there are.
        """
        train = np.empty((contexts.stop - contexts.start, positions), bool)
        for row, context in enumerate(range(contexts.start, contexts.stop)):
            generator = np.random.default_rng([self.seed, context])
            draws = generator.random(1 if self.kind == "context" else positions)
            train[row] = draws < self.train_fraction
        used = np.arange(positions) >= self.min_position
        return train & used, ~train & used
