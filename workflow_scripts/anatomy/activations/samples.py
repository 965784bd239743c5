"""A random sample of a site's training tokens, for what cannot be fitted in a stream."""

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.statistics.splits import Split


def sampled_tokens(
    store: ActivationStore, site: str, split: Split, tokens: int, seed: int
) -> np.ndarray:
    """At most `tokens` of the activations that a split trains on, (n, d) float32, in their order.

    Which they are depends on the split and `seed` alone.
    """
    positions = store.shape[1]
    masks = [split.masks(block, positions)[0].ravel() for block in store.block_slices()]
    sizes = [int(mask.sum()) for mask in masks]
    total = sum(sizes)
    chosen = np.arange(total)
    if tokens < total:
        chosen = np.sort(np.random.default_rng([seed, 3]).choice(total, tokens, replace=False))
    parts, before = [], 0
    for (_, x), mask, size in zip(store.blocks(site), masks, sizes, strict=True):
        here = chosen[(chosen >= before) & (chosen < before + size)] - before
        parts.append(x.reshape(-1, x.shape[-1])[np.flatnonzero(mask)[here]])
        before += size
    return np.concatenate(parts)
