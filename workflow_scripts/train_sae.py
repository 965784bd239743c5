"""Train one SAE on stored activations; save it for sae_lens and in canonical form."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_rows
from workflow_scripts.anatomy.saes.learning_rate import train_at_best_rate

begin(snakemake.log[0], snakemake.params.threads)

params, output = snakemake.params, snakemake.output
dictionary, curve = train_at_best_rate(
    params.sae,
    open_activations(snakemake.input.activations),
    params.model_name,
    Path(output.sae_lens).parent,
    params.device,
)
write_rows(output.curve, curve)
dictionary.save(output.sae)
