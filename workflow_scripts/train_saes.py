"""Train SAEs on stored activations, side by side; save each for sae_lens and in canonical form."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_rows
from workflow_scripts.anatomy.saes.training import train_saes

begin(snakemake.log[0], snakemake.params.threads)

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
