"""Figure 17: effect on MSE and L0 of swapping each connected component, on the path of figure 5."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.pairs import describe_pair
from workflow_scripts.anatomy.stitching.intervals import columns_with_interval, ratio_intervals
from workflow_scripts.anatomy.stitching.moves import interpolation
from workflow_scripts.anatomy.stitching.pair import Pair, consecutive
from workflow_scripts.anatomy.stitching.path import walk
from workflow_scripts.anatomy.stitching.similarity import components, similarity
from workflow_scripts.anatomy.tables import write_table

begin(snakemake.log[0], snakemake.threads)

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
tables = []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    likeness = similarity(small.directions, large.directions, params.threshold)
    moves = interpolation(components(likeness), params.seed)
    inserted, swaps = ((moves.kinds == kind).sum() for kind in ("insert", "swap"))
    points = np.unique(np.concatenate([[0], inserted + np.arange(swaps + 1)]))
    (path,) = walk(Pair(store, params.site, small, large), [moves], [points])
    first = np.searchsorted(points, inserted)
    columns = {
        "swap": range(swaps),
        "n_small": -np.diff(path.n_small[first:]),
        "n_large": np.diff(path.n_large[first:]),
    }
    for name, sums in (("mse", path.error2[:, first:]), ("l0", path.l0[:, first:])):
        change, before = np.diff(sums, axis=1), sums[:, :-1]
        for column, part, whole in (
            (f"delta_{name}", change, path.count),
            (f"delta_{name}_percent", 100 * change, before),
        ):
            found = ratio_intervals(part, whole, draws, params.seed)
            columns |= columns_with_interval(column, found)
    tables.append(
        pd.DataFrame(columns).assign(**describe_pair(small.codes, large.codes, params.seed))
    )
write_table(snakemake.output.table, pd.concat(tables))
