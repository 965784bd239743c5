"""What stitching says of each latent of two SAEs: its counterparts, and what adding it alone changes."""

from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, read_table
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.interpretability.dashboard_neighbours import nearest_latents
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    components,
    firing_similarity,
)

# Of a latent without a counterpart in the other SAE, and of one that never fires.
ALONE, SILENT = "alone", "silent"
CHANGES = ("delta_mse", "delta_mse_lo", "delta_mse_hi", "mse_small")


def describe(input: Named, params: Named) -> pd.DataFrame:
    """A row for each latent of both SAEs of every pair of consecutive widths.

    Parameters
    ----------
    input: insertions, the table of figure 4 or 21; saes of one site and codes of these in the same order.
    params: threshold.

    Returns
    -------
    Columns: model, site, sae, other (the SAE it is compared with), larger (whether `sae` is the larger of
    the two), latent, group (of figure 15: `1-1`, `1-n`, `n-1`, `n-m`, smaller to larger; `alone`; `silent`),
    n_small, n_large (latents of the group), nearest, cosine (the living latent of `other` with the highest
    decoder cosine), threshold; delta_mse ± and mse_small, empty but for latents of the larger SAE.
    """
    changes = read_table(input.insertions)
    tables = []
    for small, large in consecutive(input.saes, input.codes):
        likeness = firing_similarity(small, large, params.threshold)
        groups = components(likeness)
        own = changes[changes["sae_large"] == large.name].set_index("latent")
        for of, other, member, larger in (
            (small, large, groups.small, False),
            (large, small, groups.large, True),
        ):
            columns = _columns(of, other, member, groups)
            added = own.reindex(range(of.width)) if larger else own.reindex([-1] * of.width)
            columns |= {name: added[name].to_numpy() for name in CHANGES}
            columns |= {"threshold": params.threshold, "larger": larger}
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _columns(
    of: SaeOnHarvest, other: SaeOnHarvest, member: np.ndarray, groups: Any
) -> dict[str, Any]:
    """Columns of the m latents of an SAE; member: (m,) int64, their groups, -1 for none."""
    kinds = np.append(groups.kinds, ALONE)[member]
    nearest = np.full(of.width, -1, np.int64)
    cosine = np.full(of.width, np.nan, np.float32)
    if other.fires.any():
        found, cosines = nearest_latents(of.directions, other.directions, 1, other.fires)
        nearest, cosine = found[:, 0], cosines[:, 0]
    return {
        "model": of.codes.group.attrs["model"],
        "site": of.site,
        "sae": of.name,
        "other": other.name,
        "latent": np.arange(of.width),
        "group": np.where(of.fires, kinds, SILENT),
        "n_small": np.append(groups.n_small, 0)[member],
        "n_large": np.append(groups.n_large, 0)[member],
        "nearest": nearest,
        "cosine": cosine,
    }
