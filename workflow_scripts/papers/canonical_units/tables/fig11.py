"""Figure 11: cosine of two latents' activations against the cosine of their decoder directions."""

from functools import partial

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.anatomy.statistics.bootstrap import about_its_value, document_interval
from workflow_scripts.papers.canonical_units.stitching.activation_similarity import (
    activation_cosine,
    activation_products,
    chosen_pairs,
    r2_with,
)
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive

ABOVE = 0.5  # the paper's R^2 is over pairs with a decoder cosine above this
PAIRS = 10_000  # at most so many above, and so many below


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes of one site, two or more, and codes of these in the same order. params: analysis, seed."""
    draws, seed = params.analysis["bootstrap"], params.seed
    tables = []
    for small, large in consecutive(input.saes, input.codes):
        latents_small, latents_large, cosine = chosen_pairs(small, large, ABOVE, PAIRS, seed)
        sums = activation_products(small, large, (latents_small, latents_large))
        high = cosine >= ABOVE
        sums_above = {name: part[:, high] for name, part in sums.items()}
        r2_of_pairs = partial(r2_with, cosine[high])
        r2 = about_its_value(document_interval(r2_of_pairs, sums_above, draws, seed))
        columns = {
            "latent_small": latents_small,
            "latent_large": latents_large,
            "decoder_cosine": cosine,
            "activation_cosine": activation_cosine({name: s.sum(0) for name, s in sums.items()}),
            "above": ABOVE,
        }
        about = with_interval("r2", r2) | describe_pair(small.codes, large.codes, seed)
        tables.append(pd.DataFrame(columns).assign(**about))
    return {"table": pd.concat(tables)}
