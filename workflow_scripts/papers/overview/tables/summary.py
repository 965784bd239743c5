"""One row per SAE of the run, and how often its latents fire."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, identity
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description

EDGES = np.arange(-6, 0.25, 0.25)  # log10 of the share of tokens on which a latent fires


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes and their codes, in the same order."""
    rows, densities = [], []
    for codes_path, sae_path in zip(input.codes, input.saes, strict=True):
        codes, metadata = open_codes(codes_path), description(sae_path)["metadata"]
        who = identity(metadata, codes.summary)
        rows.append(who | codes.summary)
        firing = codes.latents("firing_count")
        with np.errstate(divide="ignore"):
            log_density = np.log10(firing / codes.summary["n_tokens"])
        counts, _ = np.histogram(np.clip(log_density[firing > 0], EDGES[0], None), EDGES)
        for low, count in zip(EDGES, counts, strict=False):
            densities.append(who | {"log10_density": round(low, 2), "count": int(count)})
    return {"table": pd.DataFrame(rows), "densities": pd.DataFrame(densities)}
