"""Squared error of SAEs, alone and over that of predicting the mean, from sums in groups of documents."""

from collections.abc import Mapping

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.activations.sums import activation_sums
from workflow_scripts.anatomy.codes.store import CodesStore
from workflow_scripts.anatomy.statistics.bootstrap import (
    document_interval,
    fvu_from_sums,
)
from workflow_scripts.anatomy.statistics.splits import Split


def error_sums(codes: CodesStore, split: Split | None = None) -> dict[str, np.ndarray]:
    """Sums of ||x - Sae(x)||^2 in the same groups of documents, float64.

    The tokens that count, or those of them that `split` holds out. Returns ``residual2``
    (G, 1), ``count`` (G,).
    """
    units, positions = codes.units, codes.shape[1]
    residual2, count = np.zeros(units.n_groups), np.zeros(units.n_groups)
    for block in codes.block_slices():
        error = codes.scalar("error_norm2", block)
        used = units.used(block)
        if split is not None:
            _, used = split.masks(block, positions)
        groups = units.groups(block)[used]
        residual2 += np.bincount(groups, error[used], minlength=units.n_groups)
        count += np.bincount(groups, minlength=units.n_groups)
    return {"residual2": residual2[:, None], "count": count}


def mse(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean over tokens of ||x - Sae(x)||^2, from `error_sums`."""
    return sums["residual2"].sum(-1) / sums["count"]


def nmse(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Squared error over that of predicting the mean activation, from both kinds of sums together.

    Gao et al. (2024) normalise so; it is the fraction of variance unexplained.
    """
    return fvu_from_sums(sums)


def held_out_fvu(
    store: ActivationStore, codes: CodesStore, split: Split, draws: int, seed: int
) -> tuple[float, float, float]:
    """Held-out squared error over the variance of the same held-out tokens, with its 95 % interval.

    store: the activations that the codes are of.
    """
    sums = activation_sums(store, codes.group.attrs["site"], split) | error_sums(codes, split)
    held_out = {name: part[sums["count"] > 0] for name, part in sums.items()}
    return document_interval(nmse, held_out, draws, seed)
