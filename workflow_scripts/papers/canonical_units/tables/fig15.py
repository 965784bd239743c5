"""Figure 15: connected components of like latents of two SAEs, and some of them edge by edge."""

from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.papers.canonical_units.stitching.pair import consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    KINDS,
    Components,
    Similarity,
    components,
    firing_similarity,
)

EXAMPLES = 3  # components of each kind that are drawn
DRAWN_LATENTS = 12  # and how many latents they have at most


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes of one site, two or more, and codes of these in the same order. params: threshold, seed."""
    tables, edge_tables = [], []
    for small, large in consecutive(input.saes, input.codes):
        likeness = firing_similarity(small, large, params.threshold)
        groups = components(likeness)
        columns = {
            "component": np.arange(len(groups.n_small)),
            "n_small": groups.n_small,
            "n_large": groups.n_large,
            "kind": groups.kinds,
            "threshold": params.threshold,
            **likeness.silent,
        }
        edges = _edges(likeness, groups, _examples(groups, params.seed))
        who = describe_pair(small.codes, large.codes, params.seed)
        tables.append(pd.DataFrame(columns).assign(**who))
        edge_tables.append(pd.DataFrame(edges).assign(**who))
    return {"table": pd.concat(tables), "edges": pd.concat(edge_tables)}


def _examples(groups: Components, seed: int) -> np.ndarray:
    """Numbers of random components of each kind, few and small enough to be drawn."""
    generator = np.random.default_rng(seed)
    numbers = np.arange(len(groups.n_small))
    legible = groups.n_small + groups.n_large <= DRAWN_LATENTS
    return np.concatenate(
        [
            generator.permutation(numbers[legible & (groups.kinds == kind)])[:EXAMPLES]
            for kind in KINDS
        ]
    )


def _edges(likeness: Similarity, groups: Components, shown: np.ndarray) -> dict[str, Any]:
    """The pairs of like latents that the components `shown` are made of."""
    # Both ends of an edge are in one component: the larger SAE's latent tells which.
    component = groups.large[likeness.edge_large]
    drawn = np.isin(component, shown)
    return {
        "component": component[drawn],
        "kind": groups.kinds[component[drawn]],
        "latent_small": likeness.edge_small[drawn],
        "latent_large": likeness.edge_large[drawn],
        "cosine": likeness.edge_cosine[drawn],
    }
