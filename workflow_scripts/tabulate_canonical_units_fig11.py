"""Figure 11: cosine of two latents' activations against the cosine of their decoder directions."""

from functools import partial

import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import with_interval, write_table
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.bootstrap import context_interval
from workflow_scripts.papers.canonical_units.stitching.activation_similarity import (
    activation_cosine,
    activation_products,
    chosen_pairs,
    r2_with,
)
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive

begin(snakemake.log[0], snakemake.threads)

ABOVE = 0.5  # the paper's R^2 is over pairs with a decoder cosine above this
PAIRS = 10_000  # at most so many above, and so many below

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
tables = []
for small, large in consecutive(snakemake.input.saes, snakemake.input.codes):
    *latents, cosine = chosen_pairs(small, large, ABOVE, PAIRS, params.seed)
    sums = activation_products(small, large, latents)
    high = cosine >= ABOVE
    above = {name: part[:, high] for name, part in sums.items()}
    r2 = context_interval(partial(r2_with, cosine[high]), above, draws, params.seed)
    columns = {
        "latent_small": latents[0],
        "latent_large": latents[1],
        "decoder_cosine": cosine,
        "activation_cosine": activation_cosine({name: part.sum(0) for name, part in sums.items()}),
        "above": ABOVE,
    }
    about = with_interval("r2", r2) | describe_pair(small.codes, large.codes, params.seed)
    tables.append(pd.DataFrame(columns).assign(**about))
write_table(snakemake.output.table, pd.concat(tables))
