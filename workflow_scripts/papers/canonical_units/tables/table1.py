"""Table 1: latents, and the meta-latents that they are taken apart into, with explanations of both."""

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, read_table
from workflow_scripts.papers.canonical_units.explanations.choice import choose
from workflow_scripts.papers.canonical_units.explanations.explained import LATENT, META_LATENT
from workflow_scripts.papers.canonical_units.explanations.taken_apart import take_apart

COLUMNS = (
    *("latent", "meta_latent", "activation", "explanation", "latent_explanation", "n_latents"),
    *("chosen_by", "variance_explained", "firing_share"),
)


def tabulate(input: Named, params: Named) -> Tables:
    """input: sae, codes and meta, a meta-SAE of it; explanations, csv. params: explanations, seed."""
    apart = take_apart(input.sae, input.codes, input.meta)
    table = read_table(input.explanations)
    texts = {kind: rows.set_index("latent")["explanation"] for kind, rows in table.groupby("kind")}
    chosen = choose(apart, params.explanations, params.seed)
    rows = []
    for place, why in zip(chosen.places, chosen.why, strict=True):
        entry = apart.activations[[place]]
        latent = apart.latents[place]
        for at in (-entry.data).argsort(kind="stable"):
            meta_latent = entry.indices[at]
            rows.append(
                {
                    "latent": latent,
                    "meta_latent": meta_latent,
                    "activation": entry.data[at],
                    "explanation": texts[META_LATENT][meta_latent],
                    "latent_explanation": texts[LATENT][latent],
                    "n_latents": apart.n_latents[meta_latent],
                    "chosen_by": why,
                    "variance_explained": apart.variance_explained[place],
                    "firing_share": apart.firing_share[place],
                }
            )
    shown = pd.DataFrame(rows, columns=list(COLUMNS))
    return {"table": shown.assign(**apart.identity(params.seed))}
