"""Figure 18: change of MSE when all novel latents are added to a smaller SAE, in several random orders."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.ratio_intervals import ratio_intervals
from workflow_scripts.papers.canonical_units.stitching.moves import random_insertions, thinned
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, consecutive
from workflow_scripts.papers.canonical_units.stitching.path import walk
from workflow_scripts.papers.canonical_units.stitching.similarity import firing_similarity

ORDERS = 5
POINTS = 200  # recorded, each exactly, in an order


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations; saes of their site, two or more, and codes of these in the same order. params:
    site, threshold, analysis, seed."""
    draws, seed = params.analysis["bootstrap"], params.seed
    store = open_activations(input.activations)
    tables = []
    for small, large in consecutive(input.saes, input.codes):
        likeness = firing_similarity(small, large, params.threshold)
        latents, silent = np.flatnonzero(likeness.novel), likeness.silent
        # All orders in one walk: reading the tokens is what a walk costs.
        orders = [
            random_insertions(likeness.widths, latents, seed + order, silent["silent_small"])
            for order in range(ORDERS)
        ]
        records = [thinned(moves, POINTS) for moves in orders]
        paths = walk(Pair(store, params.site, small, large), orders, records)
        who = describe_pair(small.codes, large.codes, seed)
        for order, path in enumerate(paths):
            start = path.error2[:, :1]
            # Per cent of sums over the same contexts, so that their spread drops out of the interval.
            change = ratio_intervals(100 * (path.error2 - start), start[:, 0], draws, seed)
            columns = {
                "order": order,
                "n_added": path.n_large,
                **with_interval("mse_change", change),
                "threshold": params.threshold,
                **silent,
            }
            tables.append(pd.DataFrame(columns).assign(**who))
    return {"table": pd.concat(tables)}
