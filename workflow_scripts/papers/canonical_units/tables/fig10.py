"""Figure 10: histogram of each latent's maximum decoder cosine to a smaller SAE (Eq. 6)."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    firing_similarity,
    similarity,
)

EDGES = np.linspace(-1, 1, 101).round(2)


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes of one site, two or more, and codes of these in the same order. params: threshold, seed."""
    tables = []
    for small, large in consecutive(input.saes, input.codes):
        likeness = firing_similarity(small, large, params.threshold)
        every = similarity(small.directions, large.directions, params.threshold)
        columns = {
            "max_cosine": EDGES[:-1],  # the lower edge of a bin
            "count": _histogram(likeness.max_cosine[likeness.fires_large]),
            "count_all": _histogram(every.max_cosine),
            "novel_latents": likeness.novel.sum(),
            "novel_latents_all": every.novel.sum(),
            "threshold": params.threshold,
            **likeness.silent,
        }
        who = describe_pair(small.codes, large.codes, params.seed)
        tables.append(pd.DataFrame(columns).assign(**who))
    return {"table": pd.concat(tables)}


def _histogram(max_cosine: np.ndarray) -> np.ndarray:
    # Rounding leaves cosines of a hair more than 1, which no bin would have.
    return np.histogram(max_cosine.clip(-1, 1), EDGES)[0]
