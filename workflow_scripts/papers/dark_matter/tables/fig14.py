"""Figure 14: the norm probe's dot product with each latent, against the latent's average activation."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.tables import Named, Tables, identity
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.latent_probe import latent_probe


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations of a model; sae of one of its sites, and its codes. params: analysis, seed,
    device."""
    analysis, device = params.analysis, resolve_device(params.device)
    store = open_activations(input.activations)
    split = Split.of(analysis, params.seed, store)
    sae = open_sae(input.sae, input.codes, device, store=store, split=split)
    dots, errors, averages = latent_probe(sae)
    who = identity(sae.dictionary.metadata, sae.codes.summary)
    firing = sae.codes.latents("firing_count")
    rows = [
        who
        | {
            "latent": latent,
            "average_activation": averages[latent],
            "firing_count": firing[latent],
            "probe_dot": dots[latent],
            "probe_dot_lo": dots[latent] - 1.96 * errors[latent],
            "probe_dot_hi": dots[latent] + 1.96 * errors[latent],
        }
        for latent in range(sae.width)
        # A latent that never fires has no average activation to be shown against.
        if firing[latent] > 0
    ]
    return {"table": pd.DataFrame(rows)}
