"""One row per SAE of the run, and how often its latents fire."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.tables import Named, Tables, identity
from workflow_scripts.anatomy.codes.doubts import doubts
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description

QUANTILES = {"l0_q05": 0.05, "l0_median": 0.5, "l0_q95": 0.95}
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
        said = {"warning": "; ".join(warnings)}
        rows.append(who | codes.summary | l0_quantiles(codes) | said)
        firing = codes.latents("firing_count")
        with np.errstate(divide="ignore"):
            log_density = np.log10(firing / codes.summary["n_tokens"])
        counts, _ = np.histogram(np.clip(log_density[firing > 0], EDGES[0], None), EDGES)
        for low, count in zip(EDGES, counts, strict=False):
            densities.append(who | {"log10_density": round(low, 2), "count": int(count)})
    return {"table": pd.DataFrame(rows), "densities": pd.DataFrame(densities)}


def l0_quantiles(codes: CodesStore) -> dict[str, int]:
    """Quantiles over the tokens that count of their number of active latents, each the number of some token.

    Of the quantile q so many tokens, or more, have that number or fewer. 0 where no token counts.
    """
    counts = np.zeros(1, np.int64)
    for block in codes.block_slices():
        found = np.bincount(codes.scalar("l0", block)[codes.units.used(block)])
        counts = np.pad(counts, (0, max(0, len(found) - len(counts))))
        counts[: len(found)] += found
    below = np.cumsum(counts)
    return {name: int(np.searchsorted(below, q * below[-1])) for name, q in QUANTILES.items()}
