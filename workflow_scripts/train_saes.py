"""Train SAEs on stored activations, side by side; save each for sae_lens and in canonical form."""

from pathlib import Path

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.sae_training import train_saes
from workflow_scripts.anatomy.tables import write_rows

begin(snakemake.log[0], snakemake.threads)

params, output = snakemake.params, snakemake.output
trained = train_saes(
    params.saes,
    open_activations(snakemake.input.activations),
    params.model_name,
    [Path(file).parent for file in output.sae_lens],
    params.device,
)
for (dictionary, curve), sae, file in zip(trained, output.saes, output.curves, strict=True):
    write_rows(file, curve)
    dictionary.save(sae)
