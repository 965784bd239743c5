"""Train one meta-SAE on the decoder directions of an SAE, or on random ones in their place.

By the function of its paper's room, called with what its rule gives.
"""

from importlib import import_module
from pathlib import Path

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_rows

begin(snakemake.log[0], snakemake.params.threads)

output, params = snakemake.output, snakemake.params
train = import_module(params.trained_by).train
dictionary, curve = train(snakemake.input, params, Path(output.sae_lens).parent)
write_rows(output.curve, curve)
dictionary.save(output.sae)
