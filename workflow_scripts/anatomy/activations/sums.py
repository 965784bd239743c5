"""Sums of a site's activations in groups of documents, and their mean."""

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.units import sum_by_group


def activation_sums(
    store: ActivationStore, site: str, split: Split | None = None
) -> dict[str, np.ndarray]:
    """Sums of a site's activations at tokens that count, in each group of documents, float64.

    With `split`, of the tokens that it holds out. Returns ``count`` (G,), ``target`` (G, d) sums of x,
    ``target2`` (G, d) sums of squares.
    """
    units, width = store.units, store.width(site)
    sums = {
        "target": np.zeros((units.n_groups, width)),
        "target2": np.zeros((units.n_groups, width)),
    }
    count = np.zeros(units.n_groups)
    for block, x in store.blocks(site):
        used = units.used(block)
        if split is not None:
            _, used = split.masks(block, x.shape[1])
        groups, rows = units.groups(block)[used], x[used].astype(np.float64)
        sums["target"] += sum_by_group(rows, groups, units.n_groups)
        sums["target2"] += sum_by_group(rows * rows, groups, units.n_groups)
        count += np.bincount(groups, minlength=units.n_groups)
    return sums | {"count": count}


def mean_activation(store: ActivationStore, site: str) -> np.ndarray:
    """Mean activation of a site at tokens that count, (d,) float64."""
    sums = activation_sums(store, site)
    return sums["target"].sum(0) / sums["count"].sum()
