"""Train one SAE on stored activations; save it for sae_lens and in canonical form."""

from pathlib import Path

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.sae_training import train_sae
from workflow_scripts.anatomy.tables import write_rows

begin(snakemake.log[0], snakemake.threads)

dictionary, curve = train_sae(
    snakemake.params.sae,
    open_activations(snakemake.input.activations),
    snakemake.params.model_name,
    Path(snakemake.output.sae_lens).parent,
    snakemake.params.device,
)
write_rows(snakemake.output.curve, curve)
dictionary.save(snakemake.output.sae)
