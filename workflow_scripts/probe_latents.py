"""Sparse probes on the latents of an SAE, and what ablating latents does to the dense probes."""

import json

import numpy as np

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.base.tables import identity
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.probing.accuracies import open_results
from workflow_scripts.anatomy.probing.pooling import open_pooled
from workflow_scripts.anatomy.probing.results import sparse_results
from workflow_scripts.anatomy.saes.dictionary import load_dictionary

begin(snakemake.log[0], snakemake.threads)

dictionary = load_dictionary(snakemake.input.sae)
who = identity(dictionary.metadata, open_codes(snakemake.input.codes).summary)
about, arrays = sparse_results(
    open_pooled(snakemake.input.pooled),
    open_results(snakemake.input.dense),
    dictionary,
    snakemake.params.probing,
)
about |= {"who": who}
write_arrays(snakemake.output.results, arrays | {"about": np.array(json.dumps(about))})
