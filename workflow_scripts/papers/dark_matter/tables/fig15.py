"""Figure 15 and Table 1: x' = Sae(x) with masked latents and known noise, and the estimates."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.synthetic.activations import encoder, synthetic_activations
from workflow_scripts.papers.dark_matter.synthetic.masked_reconstruction import (
    masked_reconstruction_sweep,
)
from workflow_scripts.papers.dark_matter.synthetic.noise_sweep import (
    noise_correlations,
    sweep_table,
)


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations of a model; sae of one of its sites. params: site, options (contexts, noise_x,
    noise_sae, ablated_fractions), analysis, seed, device."""
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
