"""Figure 14: MSE of both SAEs where each novel latent of the larger one is active, and where it is not."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.ratio_intervals import (
    columns_with_interval,
    ratio_intervals,
)
from workflow_scripts.papers.canonical_units.stitching.novelty import firing
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity

begin(snakemake.log[0], snakemake.threads)

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
tables = []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    novel = similarity(small.directions, large.directions, params.threshold).novel
    latents = np.flatnonzero(novel & (large.codes.latents("firing_count") > 0))
    found = firing(small, large, latents)
    who = describe_pair(small.codes, large.codes, params.seed)
    for active in (True, False):
        count = found.count if active else found.all_count[:, None] - found.count
        columns = {"latent": latents, "active": active, "tokens": count.sum(0).astype(np.int64)}
        for size in ("small", "large"):
            error2 = getattr(found, f"error2_{size}")
            if not active:
                error2 = getattr(found, f"all_error2_{size}")[:, None] - error2
            mse = ratio_intervals(error2, count, draws, params.seed)
            columns |= columns_with_interval(f"mse_{size}", mse)
        tables.append(pd.DataFrame(columns).assign(**who))
write_table(snakemake.output.table, pd.concat(tables))
