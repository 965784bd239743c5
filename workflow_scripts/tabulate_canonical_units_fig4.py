"""Figures 4 and 16: change in MSE when each latent of a larger SAE is added alone to a smaller one (Eq. 5),
and how well the maximum decoder cosine (Eq. 6) tells whether it lowers the MSE."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.ratio_intervals import (
    columns_with_interval,
    ratio_intervals,
)
from workflow_scripts.papers.canonical_units.stitching.insertion import insertions
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, consecutive
from workflow_scripts.papers.canonical_units.stitching.roc import curve_table
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity

begin(snakemake.log[0], snakemake.threads)

POINTS = 1000  # of the curve

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
curve_path = snakemake.output.get("curve")
tables, curves = [], []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    likeness = similarity(small.directions, large.directions, params.threshold)
    alone = insertions(Pair(store, params.site, small, large))
    tokens, fired = alone.count.sum(), large.codes.latents("firing_count")
    change, latent_change = (
        ratio_intervals(part, alone.count, draws, params.seed)
        for part in (alone.change, alone.latent_change)
    )
    columns = {
        "latent": range(large.width),
        "max_cosine": likeness.max_cosine,
        "nearest": likeness.nearest,
        **columns_with_interval("delta_mse", change),
        **columns_with_interval("delta_mse_latent", latent_change),
        "novel": likeness.novel,
        "activation_frequency": fired / tokens,
        "mse_small": alone.error2.sum() / tokens,
        "threshold": params.threshold,
    }
    who = describe_pair(small.codes, large.codes, params.seed)
    tables.append(pd.DataFrame(columns).assign(**who))
    if curve_path:
        # A latent that never fires says nothing about the direction of its effect.
        cosine, alive = likeness.max_cosine[fired > 0], alone.latent_change[:, fired > 0]
        curve = curve_table(cosine, alive, POINTS, draws, params.seed)
        curves.append(curve.assign(**who, novel_below=params.threshold))
write_table(snakemake.output.table, pd.concat(tables))
if curve_path:
    write_table(curve_path, pd.concat(curves))
