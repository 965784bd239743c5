"""Figures 4, 16 and 21: change in MSE when each latent of a larger SAE is added alone to a smaller one
(Eq. 5), and how well the maximum decoder cosine (Eq. 6) tells whether it lowers the MSE."""

from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.ratio_intervals import ratio_intervals
from workflow_scripts.papers.canonical_units.stitching.insertion import Insertions, insertions
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, consecutive
from workflow_scripts.papers.canonical_units.stitching.roc import curve_table
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    Similarity,
    firing_similarity,
)

POINTS = 1000  # of the curve


def tabulate(input: Named, params: Named) -> Tables:
    """Table `table` of all latents, and with `params.curve` table `curve` of figure 16.

    input: activations; saes of their site, two or more, and codes of these in the same order. params:
    site, threshold, analysis, seed, curve.
    """
    draws, seed = params.analysis["bootstrap"], params.seed
    store = open_activations(input.activations)
    tables, curves = [], []
    for small, large in consecutive(input.saes, input.codes):
        likeness = firing_similarity(small, large, params.threshold)
        alone = insertions(Pair(store, params.site, small, large))
        fired = large.codes.latents("firing_count")
        who = describe_pair(small.codes, large.codes, seed)
        columns = _latent_columns(likeness, alone, fired, draws, seed)
        columns |= {"threshold": params.threshold, **likeness.silent}
        tables.append(pd.DataFrame(columns).assign(**who))
        if params.curve:
            # A latent that never fires says nothing about the direction of its effect.
            cosine, alive = likeness.max_cosine[fired > 0], alone.latent_change[:, fired > 0]
            curve = curve_table(cosine, alive, POINTS, draws, seed)
            about = {"novel_below": params.threshold, **likeness.silent}
            curves.append(curve.assign(**who, **about))
    by_output = {"table": pd.concat(tables)}
    if params.curve:
        by_output["curve"] = pd.concat(curves)
    return by_output


def _latent_columns(
    likeness: Similarity, alone: Insertions, fired: np.ndarray, draws: int, seed: int
) -> dict[str, Any]:
    """A row for each latent of the larger SAE; fired: on how many tokens it does, (m1,) int64."""
    tokens = alone.count.sum()
    change, latent_change = (
        ratio_intervals(sums, alone.count, draws, seed)
        for sums in (alone.change, alone.latent_change)
    )
    return {
        "latent": range(len(fired)),
        "max_cosine": likeness.max_cosine,
        "nearest": likeness.nearest,
        **with_interval("delta_mse", change),
        **with_interval("delta_mse_latent", latent_change),
        "novel": likeness.novel,
        "activation_frequency": fired / tokens,
        "mse_small": alone.error2.sum() / tokens,
    }
