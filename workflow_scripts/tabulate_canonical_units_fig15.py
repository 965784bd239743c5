"""Figure 15: connected components of like latents of two SAEs, and some of them edge by edge."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    KINDS,
    components,
    similarity,
)

begin(snakemake.log[0], snakemake.threads)

EXAMPLES = 3  # components of each kind that are drawn
DRAWN_LATENTS = 12  # and how many latents they have at most

params = snakemake.params
tables, edge_tables = [], []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    likeness = similarity(small.directions, large.directions, params.threshold)
    found = components(likeness)
    who, numbers = (
        describe_pair(small.codes, large.codes, params.seed),
        np.arange(len(found.n_small)),
    )
    columns = {
        "component": numbers,
        "n_small": found.n_small,
        "n_large": found.n_large,
        "kind": found.kinds,
        "threshold": params.threshold,
    }
    tables.append(pd.DataFrame(columns).assign(**who))
    generator = np.random.default_rng(params.seed)
    legible = found.n_small + found.n_large <= DRAWN_LATENTS
    shown = [generator.permutation(numbers[legible & (found.kinds == k)])[:EXAMPLES] for k in KINDS]
    component = found.large[likeness.edge_large]
    drawn = np.isin(component, np.concatenate(shown))
    edges = {
        "component": component[drawn],
        "kind": found.kinds[component[drawn]],
        "latent_small": likeness.edge_small[drawn],
        "latent_large": likeness.edge_large[drawn],
        "cosine": likeness.edge_cosine[drawn],
    }
    edge_tables.append(pd.DataFrame(edges).assign(**who))
write_table(snakemake.output.table, pd.concat(tables))
write_table(snakemake.output.edges, pd.concat(edge_tables))
