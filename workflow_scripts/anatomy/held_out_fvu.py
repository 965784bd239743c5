"""FVU of an SAE on the tokens that a split holds out, from its codes store alone."""

import numpy as np

from workflow_scripts.anatomy.bootstrap import N_GROUPS, context_interval, group_of_contexts
from workflow_scripts.anatomy.codes import CodesStore
from workflow_scripts.anatomy.splits import Split


def held_out_fvu(
    codes: CodesStore, split: Split, draws: int, seed: int
) -> tuple[float, float, float]:
    """Mean held-out squared error over the variance of all used tokens, with its 95 % interval.

    The variance is that of the harvest's tokens from `min_position` on, held out or not: the codes
    store keeps errors by token, but of the activations only their variance.
    """
    contexts, positions = codes.shape
    sums = np.zeros((2, min(contexts, N_GROUPS)))
    for block in codes.block_slices():
        _, test = split.masks(block, positions)
        groups = group_of_contexts(block, contexts)
        error = np.where(test, codes.scalar("error_norm2", block), 0)
        np.add.at(sums[0], groups, error.sum(1))
        np.add.at(sums[1], groups, test.sum(1))
    error, count = sums[:, sums[1] > 0]
    variance = codes.summary["variance"]
    return context_interval(
        lambda s: s["error"] / s["count"] / variance, {"error": error, "count": count}, draws, seed
    )
