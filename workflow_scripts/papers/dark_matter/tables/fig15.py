"""Figure 15 and Table 1: x' = Sae(x) with masked latents and known noise, and the estimates."""

from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import log
from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.synthetic.activations import encoder, synthetic_activations
from workflow_scripts.papers.dark_matter.synthetic.masked_reconstruction import (
    masked_reconstruction_sweep,
)
from workflow_scripts.papers.dark_matter.synthetic.noise_sweep import (
    Sweep,
    noise_correlations,
    sweep_table,
)


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations of a model; sae of one of its sites. params: site, options (contexts, noise_x,
    noise_sae, ablated_fractions), analysis, seed, device.

    The tables of an SAE for which nothing fires have no rows: there is nothing to mask.
    """
    analysis, options, seed = params.analysis, params.options, params.seed
    store = open_activations(input.activations)
    dictionary = load_dictionary(input.sae, resolve_device(params.device))
    split = Split.of(analysis, seed, store)
    data = synthetic_activations(store, params.site, dictionary, split, options["contexts"])
    about = {
        "model": dictionary.metadata["model"],
        "site": params.site,
        "sae": dictionary.name,
        "width": dictionary.width,
        # Of the contexts that are taken here, not of the whole harvest, as elsewhere.
        "l0": data.codes.nnz / data.codes.shape[0],
        "seed": seed,
        "split": analysis["split"],
    }
    if data.codes.nnz == 0:
        log.warning("warning: no latent of %s fires on these contexts: no rows", dictionary.name)
        sweep = _nothing(options)
        described = about | {"reconstruction": "masked"}
        made = (sweep_table(sweep), noise_correlations(sweep))
        table, correlation = (each.assign(**described).iloc[:0] for each in made)
        return {"table": table, "correlations": correlation}
    tables, correlations = [], []
    # The paper's text has both: it masks latents of x' itself, and passes x' back through the SAE.
    for reconstruction, encode in (("masked", None), ("reencoded", encoder(dictionary))):
        sweep = masked_reconstruction_sweep(
            data.codes,
            data.directions,
            data.units,
            data.train,
            noise_x=options["noise_x"],
            noise_sae=options["noise_sae"],
            ablated_fractions=options["ablated_fractions"],
            seed=seed,
            resamples=analysis["bootstrap"],
            encode=encode,
        )
        described = about | {"reconstruction": reconstruction}
        tables.append(sweep_table(sweep).assign(**described))
        correlations.append(noise_correlations(sweep).assign(**described))
    return {"table": pd.concat(tables), "correlations": pd.concat(correlations)}


def _nothing(options: dict[str, Any]) -> Sweep:
    """A sweep without numbers, for the columns of its tables."""
    noise_x, noise_sae, fractions = (
        np.asarray(options[name], float) for name in ("noise_x", "noise_sae", "ablated_fractions")
    )
    none = np.zeros((2, len(noise_x), len(noise_sae), len(fractions)))
    return Sweep(noise_x, noise_sae, fractions, none, none)
