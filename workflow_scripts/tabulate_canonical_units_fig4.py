"""Figure 4: change in MSE when each latent of a larger SAE is added alone to a smaller one (Eq. 5)."""

import pandas as pd

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.pairs import describe_pair
from workflow_scripts.anatomy.stitching.insertion import insertions
from workflow_scripts.anatomy.stitching.intervals import columns_with_interval, ratio_intervals
from workflow_scripts.anatomy.stitching.pair import Pair, consecutive
from workflow_scripts.anatomy.stitching.similarity import similarity
from workflow_scripts.anatomy.tables import write_table

begin(snakemake.log[0], snakemake.threads)

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
tables = []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    likeness = similarity(small.directions, large.directions, params.threshold)
    alone = insertions(Pair(store, params.site, small, large))
    change = ratio_intervals(alone.change, alone.count, draws, params.seed)
    tokens = alone.count.sum()
    columns = {
        "latent": range(large.width),
        "max_cosine": likeness.max_cosine,
        "nearest": likeness.nearest,
        **columns_with_interval("delta_mse", change),
        "novel": likeness.novel,
        "activation_frequency": large.codes.latents("firing_count") / tokens,
        "mse_small": alone.error2.sum() / tokens,
        "threshold": params.threshold,
    }
    tables.append(
        pd.DataFrame(columns).assign(**describe_pair(small.codes, large.codes, params.seed))
    )
write_table(snakemake.output.table, pd.concat(tables))
