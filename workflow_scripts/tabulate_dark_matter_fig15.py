"""Figure 15 and Table 1: x' = Sae(x) with masked latents and known noise, and the estimates."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
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

begin(snakemake.log[0], snakemake.threads)

params, analysis, options = snakemake.params, snakemake.params.analysis, snakemake.params.options
store = open_activations(snakemake.input.activations)
dictionary = load_dictionary(snakemake.input.sae, resolve_device(params.device))
split = Split.of(analysis, params.seed, store)
data = synthetic_activations(store, params.site, dictionary, split, options["contexts"])
identity = {
    "model": dictionary.metadata["model"],
    "site": params.site,
    "sae": dictionary.name,
    "width": dictionary.width,
    "l0": data.codes.nnz / data.codes.shape[0],
    "seed": params.seed,
}
tables, correlations = [], []
for reconstruction, encode in (("masked", None), ("reencoded", encoder(dictionary))):
    sweep = masked_reconstruction_sweep(
        data.codes,
        data.directions,
        data.contexts,
        data.train,
        noise_x=options["noise_x"],
        noise_sae=options["noise_sae"],
        ablated_fractions=options["ablated_fractions"],
        seed=params.seed,
        resamples=analysis["bootstrap"],
        encode=encode,
    )
    described = identity | {"split": analysis["split"], "reconstruction": reconstruction}
    tables.append(sweep_table(sweep).assign(**described))
    correlations.append(noise_correlations(sweep).assign(**described))
write_table(snakemake.output.table, pd.concat(tables))
write_table(snakemake.output.correlations, pd.concat(correlations))
