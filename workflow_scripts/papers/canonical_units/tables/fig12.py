"""Figure 12: dashboards of the most alike latents of two SAEs, and how alike pairs of latents are."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.papers.canonical_units.dashboards.choice import (
    Pairs,
    exchanged,
    matched_pairs,
)
from workflow_scripts.papers.canonical_units.dashboards.likeness import likeness_table
from workflow_scripts.papers.canonical_units.dashboards.shown import given, joined, tables_of
from workflow_scripts.papers.canonical_units.stitching.pair import check_harvest, consecutive
from workflow_scripts.papers.canonical_units.stitching.similarity import cosines_of

PAIRS = 50


def tabulate(input: Named, params: Named) -> Tables:
    """Tables `table`, `tokens`, `latents` and `histogram` of the pair, and `pairs`.

    input: activations, model, tokenizer; two saes of one site, and their codes in the same order.
    params: site, analysis, seed.
    """
    store = open_activations(input.activations)
    ((small, large),) = consecutive(input.saes, input.codes)
    for sae in (small, large):
        check_harvest(sae, store, params.site)
    about = given(
        store, params.site, input.tokenizer, input.model, params.analysis["bootstrap"], params.seed
    )
    matched = matched_pairs(small, large, PAIRS)
    saes = (small, large)
    found = about.dashboards(small, matched.small), about.dashboards(large, matched.large)
    shown = [
        tables_of(about, sae, each, "pair", matched.cosine[:1])
        for sae, each in zip(saes, found, strict=True)
    ]
    kinds = {"matched": matched}
    if len(matched.small) > 1:
        other = exchanged(matched.large, params.seed)
        cosine = cosines_of(small.directions, large.directions, (matched.small, other))
        kinds["random"] = Pairs(matched.small, other, cosine)
    parts = [
        likeness_table(about, saes, found, pairs).assign(kind=kind) for kind, pairs in kinds.items()
    ]
    who = describe_pair(small.codes, large.codes, params.seed)
    return joined(shown) | {"pairs": pd.concat(parts).assign(**who)}
