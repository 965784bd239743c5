"""Figures 5 and 17: every stitched SAE on the way from the smallest SAE to the largest, and every swap."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.papers.canonical_units.stitching.moves import interpolation, thinned
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, consecutive
from workflow_scripts.papers.canonical_units.stitching.path import walk
from workflow_scripts.papers.canonical_units.stitching.path_tables import (
    point_table,
    swap_points,
    swap_table,
)
from workflow_scripts.papers.canonical_units.stitching.similarity import components, similarity

begin(snakemake.log[0], snakemake.threads)

POINTS = 400  # of figure 5, each exact, between two SAEs

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
swaps_path = snakemake.output.get("swaps")
tables, swap_tables, done = [], [], 0
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    likeness = similarity(small.directions, large.directions, params.threshold)
    moves = interpolation(components(likeness), params.seed)
    points, swaps = thinned(moves, POINTS), swap_points(moves)
    recorded = np.union1d(points, swaps) if swaps_path else points
    (path,) = walk(Pair(store, params.site, small, large), [moves], [recorded])
    table = point_table(path.at(points), moves, draws, params.seed)
    table["step"] += done
    done += len(moves.kinds)
    who = describe_pair(small.codes, large.codes, params.seed)
    tables.append(table.assign(**who))
    if swaps_path:
        swap_tables.append(swap_table(path.at(swaps), draws, params.seed).assign(**who))
write_table(snakemake.output.table, pd.concat(tables))
if swaps_path:
    write_table(swaps_path, pd.concat(swap_tables))
