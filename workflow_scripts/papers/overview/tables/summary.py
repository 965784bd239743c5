"""One row per SAE of the run, and how often its latents fire."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.tables import Named, Tables, identity
from workflow_scripts.anatomy.codes.doubts import doubts
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description

EDGES = np.arange(-6, 0.25, 0.25)  # log10 of the share of tokens on which a latent fires


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes and their codes; params: nominal_l0, what is stated of these; all in the same order.

    Column `warning` says what makes one doubt that an SAE is used as it was made for; so does the log.
    """
    rows, densities = [], []
    files = zip(input.codes, input.saes, params.nominal_l0, strict=True)
    for codes_path, sae_path, nominal in files:
        codes, metadata = open_codes(codes_path), description(sae_path)["metadata"]
        who = identity(metadata, codes.summary) | {"nominal_l0": nominal}
        warnings = doubts(codes.summary, nominal)
        for line in warnings:
            log.warning("warning: %s at %s: %s", who["sae"], who["site"], line)
        rows.append(who | codes.summary | {"warning": "; ".join(warnings)})
        firing = codes.latents("firing_count")
        with np.errstate(divide="ignore"):
            log_density = np.log10(firing / codes.summary["n_tokens"])
        counts, _ = np.histogram(np.clip(log_density[firing > 0], EDGES[0], None), EDGES)
        for low, count in zip(EDGES, counts, strict=False):
            densities.append(who | {"log10_density": round(low, 2), "count": int(count)})
    return {"table": pd.DataFrame(rows), "densities": pd.DataFrame(densities)}
