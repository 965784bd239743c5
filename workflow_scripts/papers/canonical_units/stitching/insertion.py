"""The change in MSE when each latent of the larger SAE is added alone to the smaller one (Eq. 5).

With r = x - Sae_0(x), one latent added with activation f and direction w, D = b_1 - b_0 and
c = 1 - alpha = 1 / (m0 + 1), where m0 latents of the smaller SAE fire on the harvest at all, the squared
error of a token changes by

    -2 f (r - c D).w + f^2 |w|^2   +   c^2 |D|^2 - 2 c r.D

The first part is zero wherever the latent is silent, the second, the blend of decoder biases alone, is the
same for every latent. So the changes of all latents come out of one pass over the codes. Where two SAEs
have unlike biases, the sign of the sum is the blend's for every latent that seldom fires, and says
nothing of the latent: `latent_change` is the first part.
"""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.statistics.ratio_intervals import add_by_group
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, n_groups
from workflow_scripts.papers.canonical_units.stitching.products import code_products, squared_norms


@dataclass(frozen=True)
class Insertions:
    """Sums over the analysed tokens of each group of documents.

    change: (G, m1) float64, change of the summed squared error when a latent is added alone.
    blend: (G,) float64, the part of it that is the decoder biases', the same for every latent.
    error2: (G,) float64, summed squared error of the smaller SAE.
    count: (G,) int64, tokens.
    """

    change: np.ndarray
    blend: np.ndarray
    error2: np.ndarray
    count: np.ndarray

    @property
    def latent_change(self) -> np.ndarray:
        """(G, m1) float64: `change` without the blend of the decoder biases."""
        return self.change - self.blend[:, None]


def insertions(pair: Pair) -> Insertions:
    """Add every latent of the larger SAE alone to the smaller one, in one pass over the tokens.

    Memory is G x m1 float64 (2 GB at a million latents and 256 groups), whatever the tokens.
    """
    groups = n_groups(pair.large.codes)
    change = np.zeros((groups, pair.large.width))
    error2, bias_dot, count = np.zeros(groups), np.zeros(groups), np.zeros(groups, np.int64)
    difference = pair.bias_difference
    share = 1 / (pair.small.fires.sum() + 1)
    directions = pair.large.directions.numpy()
    norms2 = squared_norms(directions)
    for block in pair.blocks(f"adding {pair.large.name} to {pair.small.name}"):
        count += np.bincount(block.groups, minlength=groups)
        squares = block.residual.square().sum(-1).numpy()
        error2 += np.bincount(block.groups, squares, minlength=groups)
        dots = (block.residual @ difference).numpy()
        bias_dot += np.bincount(block.groups, dots, minlength=groups)
        blended = (block.residual - share * difference).numpy()
        codes = block.large
        products = code_products(blended, directions, codes.indptr, codes.indices)
        amount = codes.data.astype(np.float64) / pair.large.scale
        changes = amount * (amount * norms2[codes.indices] - 2 * products)
        group = np.repeat(block.groups, np.diff(codes.indptr))
        add_by_group(change, group, codes.indices, changes)
    norm2 = float(difference @ difference)
    blend = share**2 * norm2 * count - 2 * share * bias_dot
    return Insertions(change + blend[:, None], blend, error2, count)
