"""Figure 18: change of MSE when all novel latents are added to a smaller SAE, in several random orders."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.ratio_intervals import (
    columns_with_interval,
    ratio_intervals,
)
from workflow_scripts.papers.canonical_units.stitching.moves import random_insertions, thinned
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, consecutive
from workflow_scripts.papers.canonical_units.stitching.path import walk
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity

begin(snakemake.log[0], snakemake.threads)

ORDERS = 5
POINTS = 200  # recorded, each exactly, in an order

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
tables = []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    novel = similarity(small.directions, large.directions, params.threshold).novel
    orders = [
        random_insertions((small.width, large.width), np.flatnonzero(novel), params.seed + order)
        for order in range(ORDERS)
    ]
    records = [thinned(moves, POINTS) for moves in orders]
    who = describe_pair(small.codes, large.codes, params.seed)
    for order, path in enumerate(walk(Pair(store, params.site, small, large), orders, records)):
        start = path.error2[:, :1]
        change = ratio_intervals(100 * (path.error2 - start), start[:, 0], draws, params.seed)
        columns = {
            "order": order,
            "n_added": path.n_large,
            **columns_with_interval("mse_change", change),
            "threshold": params.threshold,
        }
        tables.append(pd.DataFrame(columns).assign(**who))
write_table(snakemake.output.table, pd.concat(tables))
