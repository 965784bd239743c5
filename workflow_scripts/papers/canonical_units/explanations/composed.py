"""Meta-latents on tokens: how much of each is in what the latents of a token add up to.

A token with latents z has meta-latents z A, with A the meta-latents' activations on the latents. Nearly
every token has some of most meta-latents, so that a meta-latent is taken to fire where it is strongest:
on as large a share of the tokens as the latents of the SAE do on average.
"""

from typing import Any

import numpy as np

from workflow_scripts.papers.canonical_units.explanations.taken_apart import TakenApart

# Thresholds are found on so many tokens, of contexts that are spread evenly.
SAMPLED_TOKENS = 1 << 16


class ComposedCodes:
    """Activations of meta-latents on the tokens of a harvest, read as those of an SAE are.

    floor: (meta width,) float64, the smallest activation of each that counts.
    """

    def __init__(self, apart: TakenApart):
        self.codes = apart.codes
        whole = np.zeros(self.codes.width, dtype=np.int64)
        whole[apart.latents] = np.arange(len(apart.latents))
        fires = np.zeros(self.codes.width, dtype=bool)
        fires[apart.latents] = True
        # Rows of latents that never fire are read by no token.
        self.activations = apart.activations[np.where(fires, whole, 0)]
        self.floor = np.zeros(apart.meta_width)
        self.floor = self._thresholds(float(apart.firing_share.mean()))

    def rows(self, contexts: slice) -> Any:
        """The meta-latents of some contexts, csr_matrix (c * T, meta width) float32."""
        found = (self.codes.rows(contexts) @ self.activations).tocsr()
        found.data = np.where(found.data >= self.floor[found.indices], found.data, 0)
        found.eliminate_zeros()
        found.sort_indices()
        return found

    def _thresholds(self, share: float) -> np.ndarray:
        """What the largest activations of each meta-latent exceed, on this share of the tokens."""
        from scipy.sparse import vstack

        units = self.codes.units
        step = max(1, -(-int(units.tokens.sum()) // SAMPLED_TOKENS))
        blocks = []
        for block in self.codes.block_slices():
            used = np.arange(block.start, block.stop) % step == 0
            blocks.append(self.rows(block)[(used[:, None] & units.used(block)).ravel()])
        sample = vstack(blocks).tocsc()
        kept = max(1, round(share * sample.shape[0]))
        floor = np.zeros(sample.shape[1])
        for at, (begin, end) in enumerate(zip(sample.indptr[:-1], sample.indptr[1:], strict=True)):
            if end - begin > kept:
                floor[at] = np.partition(sample.data[begin:end], -kept)[-kept]
        return floor
