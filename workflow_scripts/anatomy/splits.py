"""Which tokens regressions are fitted on, and which they are judged on."""

from dataclasses import dataclass

import numpy as np

SPLITS = ("context", "paper")


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
