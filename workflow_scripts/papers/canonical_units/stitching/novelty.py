"""How well both SAEs rebuild the tokens on which a latent of the larger one fires, and the others (Fig. 14)."""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.base.job import Progress
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.statistics.ratio_intervals import add_by_group
from workflow_scripts.papers.canonical_units.stitching.pair import n_groups, used_groups, used_rows


@dataclass(frozen=True)
class Firing:
    """Sums per group of documents over the tokens where each chosen latent fires, and over all tokens.

    count, error2_small, error2_large: (G, s) float64, tokens and squared errors where it fires.
    all_count, all_error2_small, all_error2_large: (G,) float64, the same over all analysed tokens.
    """

    count: np.ndarray
    error2_small: np.ndarray
    error2_large: np.ndarray
    all_count: np.ndarray
    all_error2_small: np.ndarray
    all_error2_large: np.ndarray


def firing(small: SaeOnHarvest, large: SaeOnHarvest, latents: np.ndarray) -> Firing:
    """Sum squared errors of both SAEs where `latents` (s,) of the larger one fire.

    The errors are those of the codes stores; memory is 3 x G x s float64.
    """
    groups = n_groups(small.codes)
    sums = np.zeros((3, groups, len(latents)))
    totals = np.zeros((3, groups))
    column_of = np.full(large.width, -1, np.int64)
    column_of[latents] = np.arange(len(latents))
    progress = Progress(f"errors where latents of {large.name} fire", small.codes.shape[0])
    for contexts in small.codes.block_slices():
        group, codes = used_groups(small.codes, contexts), used_rows(large.codes, contexts)
        used = small.codes.units.used(contexts)
        per_token = (
            np.ones(len(group)),
            *(sae.codes.scalar("error_norm2", contexts)[used] for sae in (small, large)),
        )
        tokens = np.repeat(np.arange(len(group)), np.diff(codes.indptr))
        columns = column_of[codes.indices]
        tokens, columns = tokens[columns >= 0], columns[columns >= 0]
        for part, total, values in zip(sums, totals, per_token, strict=True):
            add_by_group(part, group[tokens], columns, values[tokens])
            total += np.bincount(group, values, minlength=groups)
        progress(contexts.stop)
    return Firing(*sums, *totals)
