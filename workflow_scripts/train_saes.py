"""Train SAEs on stored activations, side by side; save each for sae_lens and in canonical form."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_rows
from workflow_scripts.anatomy.saes.learning_rate import train_at_best_rate
from workflow_scripts.anatomy.saes.training import train_saes

begin(snakemake.log[0], snakemake.params.threads)

params, output = snakemake.params, snakemake.output
activations = open_activations(snakemake.input.activations)
folders = [Path(file).parent for file in output.sae_lens]
if len(params.saes) == 1:
    (sae,), (folder,) = params.saes, folders
    trained = [train_at_best_rate(sae, activations, params.model_name, folder, params.device)]
else:
    trained = train_saes(params.saes, activations, params.model_name, folders, params.device)
for (dictionary, curve), sae, file in zip(trained, output.saes, output.curves, strict=True):
    write_rows(file, curve)
    dictionary.save(sae)
