"""Which latents are shown: by rule, never by eye."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity

# A latent that fires on fewer tokens of the harvest has too few contexts to be compared by.
OFTEN = 100
NO_EDGES = 2.0  # above any cosine


class Pairs(NamedTuple):
    """Pairs of latents of two SAEs: small, large (p,) int64, and their decoder cosine (p,) float32."""

    small: np.ndarray
    large: np.ndarray
    cosine: np.ndarray


def matched_pairs(small: SaeOnHarvest, large: SaeOnHarvest, at_most: int) -> Pairs:
    """The pairs with the highest decoder cosine, highest first, each latent in one of them.

    Of latents that fire on `OFTEN` tokens or more. A larger latent is paired with its nearest smaller
    one (Eq. 6), a smaller one with the nearest of those whose nearest it is.
    """
    left, right = (
        np.flatnonzero(sae.codes.latents("firing_count") >= OFTEN) for sae in (small, large)
    )
    if not len(left) or not len(right):
        nothing = np.zeros(0, np.int64)
        return Pairs(nothing, nothing, np.zeros(0, np.float32))
    smaller = small.directions[torch.from_numpy(left)]
    likeness = similarity(smaller, large.directions[torch.from_numpy(right)], NO_EDGES)
    order = np.argsort(-likeness.max_cosine, kind="stable")
    _, first = np.unique(likeness.nearest[order], return_index=True)
    chosen = order[np.sort(first)][:at_most]
    return Pairs(left[likeness.nearest[chosen]], right[chosen], likeness.max_cosine[chosen])


def exchanged(large: np.ndarray, seed: int) -> np.ndarray:
    """The larger latents (p,) of other pairs: each once, none its own, along one random cycle."""
    order = np.random.default_rng(seed).permutation(len(large))
    found = np.empty_like(large)
    found[order] = large[np.roll(order, 1)]
    return found


def novel_latent(insertions: pd.DataFrame, small: SaeOnHarvest, large: SaeOnHarvest) -> int | None:
    """The novel latent that lowers the smaller SAE's MSE most when it is added alone, for certain.

    insertions: the table of figure 4. None if there is no novel latent whose whole interval is below 0.
    """
    table = insertions[
        (insertions["sae_small"] == small.name) & (insertions["sae_large"] == large.name)
    ]
    table = table[table["novel"] & (table["delta_mse_latent_hi"] < 0)]
    if table.empty:
        return None
    return int(table.loc[table["delta_mse_latent"].idxmin(), "latent"])
