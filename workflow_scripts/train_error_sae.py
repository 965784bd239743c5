"""Train an SAE on the linear or the nonlinear error of another one, computed as it is read."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_rows
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.decomposition.error_store import error_store
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.saes.learning_rate import train_at_best_rate
from workflow_scripts.anatomy.statistics.error_map import load_error_map

begin(snakemake.log[0], snakemake.threads)

params, device = snakemake.params, resolve_device(snakemake.params.device)
dictionary = load_dictionary(snakemake.input.sae, device)
linear = load_error_map(snakemake.input.maps, device)
harvests = [
    error_store(open_activations(path), params.site, dictionary, linear, params.component, device)
    for path in (snakemake.input.training, snakemake.input.activations)
]
folder = Path(snakemake.output.sae_lens).parent
trained, curve = train_at_best_rate(params.sae, harvests[0], params.model_name, folder, device)
for row in curve:
    row |= {"component": params.component, "seed": params.sae["seed"]}
write_rows(snakemake.output.curve, curve)
reconstruct(trained, harvests[1], params.site, Path(snakemake.output.codes).parent, device)
trained.save(snakemake.output.sae)
