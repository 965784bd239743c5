"""Figure 10: histogram of each latent's maximum decoder cosine to a smaller SAE (Eq. 6)."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity

begin(snakemake.log[0], snakemake.threads)

EDGES = np.linspace(-1, 1, 101).round(2)

params = snakemake.params
tables = []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    likeness = similarity(small.directions, large.directions, params.threshold)
    count, _ = np.histogram(likeness.max_cosine.clip(-1, 1), EDGES)
    columns = {
        "max_cosine": EDGES[:-1],  # the lower edge of a bin
        "count": count,
        "novel_latents": likeness.novel.sum(),
        "threshold": params.threshold,
    }
    tables.append(
        pd.DataFrame(columns).assign(**describe_pair(small.codes, large.codes, params.seed))
    )
write_table(snakemake.output.table, pd.concat(tables))
