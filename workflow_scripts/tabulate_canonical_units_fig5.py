"""Figure 5: MSE and L0 of every stitched SAE on the way from the smallest SAE to the largest."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.pairs import describe_pair
from workflow_scripts.anatomy.stitching.intervals import columns_with_interval, ratio_intervals
from workflow_scripts.anatomy.stitching.moves import interpolation, thinned
from workflow_scripts.anatomy.stitching.pair import Pair, consecutive
from workflow_scripts.anatomy.stitching.path import walk
from workflow_scripts.anatomy.stitching.similarity import components, similarity
from workflow_scripts.anatomy.tables import write_table

begin(snakemake.log[0], snakemake.threads)

POINTS = 400  # recorded, each exactly, between two SAEs

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
tables, done = [], 0
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    likeness = similarity(small.directions, large.directions, params.threshold)
    moves = interpolation(components(likeness), params.seed)
    pair = Pair(store, params.site, small, large)
    (path,) = walk(pair, [moves], [thinned(moves, POINTS)])
    mse = ratio_intervals(path.error2, path.count, draws, params.seed)
    l0 = ratio_intervals(path.l0, path.count, draws, params.seed)
    columns = {
        "step": done + path.steps,
        "phase": np.concatenate([["start"], moves.kinds])[path.steps],
        "n_latents": path.n_small + path.n_large,
        "n_small": path.n_small,
        "n_large": path.n_large,
        **columns_with_interval("mse", mse),
        **columns_with_interval("l0", l0),
    }
    tables.append(
        pd.DataFrame(columns).assign(**describe_pair(small.codes, large.codes, params.seed))
    )
    done += len(moves.kinds)
write_table(snakemake.output.table, pd.concat(tables))
