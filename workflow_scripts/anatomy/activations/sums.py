"""Sums of a site's activations in groups of contexts, and their mean."""

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.statistics.bootstrap import N_GROUPS, group_of_contexts
from workflow_scripts.anatomy.statistics.splits import Split


def activation_sums(
    store: ActivationStore, site: str, split: Split | None = None
) -> dict[str, np.ndarray]:
    """Sums of a site's activations from `min_position` on, in each group of contexts, float64.

    With `split`, of the tokens that it holds out. Returns ``count`` (G,), ``target`` (G, d) sums of x,
    ``target2`` (G, d) sums of squares.
    """
    contexts, width = store.shape[0], store.width(site)
    groups = min(contexts, N_GROUPS)
    shapes = {"target": (groups, width), "target2": (groups, width), "count": (groups,)}
    sums = {name: np.zeros(shape) for name, shape in shapes.items()}
    for block, x in store.blocks(site):
        at, used = group_of_contexts(block, contexts), x[:, store.min_position :]
        used = used.astype(np.float64)
        if split is not None:
            _, held_out = split.masks(block, x.shape[1])
            held_out = held_out[:, store.min_position :]
            used = used * held_out[..., None]
            np.add.at(sums["count"], at, held_out.sum(1))
        else:
            np.add.at(sums["count"], at, used.shape[1])
        np.add.at(sums["target"], at, used.sum(1))
        np.add.at(sums["target2"], at, (used * used).sum(1))
    return sums


def mean_activation(store: ActivationStore, site: str) -> np.ndarray:
    """Mean activation of a site from `min_position` on, (d,) float64."""
    sums = activation_sums(store, site)
    return sums["target"].sum(0) / sums["count"].sum()
