"""Figure 20: decoder biases of the SAEs of a site, compared, and exchanged."""

from itertools import permutations

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named, Tables, with_interval
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.papers.canonical_units.stitching.biases import bias_of


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations; saes of their site, two or more, and codes of these in the same order. params:
    site, analysis, seed."""
    draws, seed = params.analysis["bootstrap"], params.seed
    store = open_activations(input.activations)
    # Only the biases stay: of the decoders no more than one at a time is in memory.
    biases = []
    for sae in map(open_sae, input.saes, input.codes):
        bias, count = bias_of(sae, store, params.site)
        biases.append((sae.name, sae.width, bias))
    rows = []
    for (name, width, own), (other_name, other_width, other) in permutations(biases, 2):
        sums = {"change": own.exchanged(other, count), "error2": own.error2}
        change = document_interval(lambda s: 100 * s["change"] / s["error2"], sums, draws, seed)
        own_norm, other_norm = np.linalg.norm(own.bias), np.linalg.norm(other.bias)
        # A bias of zero, that of an SAE trained without one, has no direction and is no unit.
        both = own_norm * other_norm
        rows.append(
            {
                "model": store.group.attrs["model"],
                "site": params.site,
                "sae": name,
                "other": other_name,
                "width": width,
                "width_other": other_width,
                "cosine": own.bias @ other.bias / both if both else np.nan,
                "norm_ratio": other_norm / own_norm if own_norm else np.nan,
            }
            | with_interval("mse_change", change)
        )
    return {"table": pd.DataFrame(rows)}
