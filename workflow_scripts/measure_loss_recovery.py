"""Figure 8 for one SAE: loss under Sae(x), and with either part of its error added back."""

from workflow_scripts.anatomy.activations import open_activations
from workflow_scripts.anatomy.codes import open_codes
from workflow_scripts.anatomy.devices import resolve_device
from workflow_scripts.anatomy.dictionary import load
from workflow_scripts.anatomy.error_components import load_error_map
from workflow_scripts.anatomy.job import begin, log
from workflow_scripts.anatomy.language_model import load_model
from workflow_scripts.anatomy.loss_recovery import intervention_losses, recovery
from workflow_scripts.anatomy.splits import Split
from workflow_scripts.anatomy.tables import identity, write_rows

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
device = resolve_device(params.device)
store = open_activations(snakemake.input.activations)
split = Split.of(analysis, params.seed, store)
contexts = split.held_out_contexts(store.shape, params.contexts)
model, _ = load_model(snakemake.input.model, device)
linear = load_error_map(snakemake.input.maps, device)
dictionary = load(snakemake.input.sae, device)
who = identity(dictionary.metadata, open_codes(snakemake.input.codes).summary)
sums = intervention_losses(model, store, params.site, contexts, dictionary, linear, device)
log.info("%s: %d contexts", dictionary.name, len(contexts))
rows = [
    who | {"split": analysis["split"], "contexts": len(contexts)} | row
    for row in recovery(sums, analysis["bootstrap"], params.seed)
]
write_rows(snakemake.output.table, rows)
