"""Figure 13: dashboards of a novel latent of the larger SAE, and of the smaller SAE's nearest to it."""

import numpy as np
import torch

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named, Tables, read_table
from workflow_scripts.anatomy.interpretability.dashboard_neighbours import nearest_latents
from workflow_scripts.papers.canonical_units.dashboards.choice import novel_latent
from workflow_scripts.papers.canonical_units.dashboards.shown import given, joined, tables_of
from workflow_scripts.papers.canonical_units.stitching.pair import check_harvest, consecutive

NEAREST = 3


def tabulate(input: Named, params: Named) -> Tables:
    """Tables `table`, `tokens`, `latents` and `histogram`; without rows where no latent qualifies.

    input: insertions (the table of figure 4), activations, model, tokenizer; two saes of one site, and
    their codes in the same order. params: site, analysis, seed.
    """
    store = open_activations(input.activations)
    ((small, large),) = consecutive(input.saes, input.codes)
    for sae in (small, large):
        check_harvest(sae, store, params.site)
    novel = novel_latent(read_table(input.insertions), small, large)
    shown = np.array([] if novel is None else [novel], np.int64)
    directions = large.directions[torch.from_numpy(shown)]
    nearest, cosines = nearest_latents(directions, small.directions, NEAREST, small.fires)
    about = given(
        store, params.site, input.tokenizer, input.model, params.analysis["bootstrap"], params.seed
    )
    parts = [
        tables_of(about, sae, about.dashboards(sae, latents), role, cosine)
        for sae, role, latents, cosine in (
            (large, "novel", shown, cosines[:, :1].ravel()),
            (small, "nearest", nearest.ravel(), cosines.ravel()),
        )
    ]
    return joined(parts)
