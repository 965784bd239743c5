"""Directions of activation space as latents: silent below a threshold, so that they can be explained.

A dense score is active everywhere and has nothing to detect. So that directions of any kind are compared
with an SAE's latents at one sparsity, each gets the firing frequency of one of the latents: its threshold
is the score that just so many tokens exceed, and its activation is how far a score is above.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.activations.store import ActivationStore, read

# Thresholds are set on at most so many tokens, in contexts that are evenly spread.
TOKENS = 1 << 18


@dataclass(frozen=True)
class ThresholdedDirections:
    """Activations of n directions on a harvest, as `draw_examples` takes codes.

    readers (n, d) float64: a score is reader . x, of activations x at `site`; thresholds (n,) float64.
    """

    store: ActivationStore
    site: str
    readers: NDArray
    thresholds: NDArray

    def rows(self, contexts: slice) -> Any:
        """Activations of some contexts, csr (c * T, n) float32: score - threshold where positive."""
        from scipy.sparse import csr_matrix

        scores = _scores(self.store, self.site, self.readers, contexts)
        above = scores.reshape(-1, len(self.readers)) - self.thresholds
        return csr_matrix(np.maximum(above, 0).astype(np.float32))


def with_frequencies(
    store: ActivationStore, site: str, readers: NDArray, frequencies: NDArray
) -> ThresholdedDirections:
    """Directions that fire as often as they are told.

    readers: (n, d); frequencies: (n,), shares of the tokens that count.
    """
    contexts, positions = store.shape
    used = positions - store.min_position
    wanted = max(1, min(contexts, TOKENS // used))
    chosen = set((np.arange(wanted) * contexts // wanted).tolist())
    parts = []
    for block in store.block_slices():
        kept = [at - block.start for at in range(block.start, block.stop) if at in chosen]
        if kept:
            counted = store.units.used(block)[kept]
            scores = _scores(store, site, readers, block)[kept][counted]
            parts.append(scores.astype(np.float32))
    scores = np.concatenate(parts)
    firing = np.clip(np.rint(frequencies * len(scores)).astype(int), 1, len(scores) - 1)
    thresholds = np.empty(len(readers))
    for number, count in enumerate(firing):
        # Half way between the last score that fires and the first that does not.
        last = len(scores) - count
        ordered = np.partition(scores[:, number], (last - 1, last))
        thresholds[number] = ordered[last - 1 : last + 1].astype(np.float64).mean()
    return ThresholdedDirections(store, site, readers, thresholds)


def _scores(store: ActivationStore, site: str, readers: NDArray, contexts: slice) -> NDArray:
    """reader . x of some contexts, (c, T, n) float64."""
    x = read(store.activations(site), contexts, store.path)
    return x.astype(np.float64) @ readers.T
