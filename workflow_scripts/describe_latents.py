"""Describe every latent of an SAE: its part in the error, where it fires, what it promotes, what is near."""

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import opening, write_arrays
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.report.latents.arrays import arrays_of
from workflow_scripts.anatomy.report.latents.contexts import contexts_of
from workflow_scripts.anatomy.report.latents.error_sums import error_sums
from workflow_scripts.anatomy.report.latents.extent import Extent
from workflow_scripts.anatomy.report.latents.nearest import nearest_of, open_others
from workflow_scripts.anatomy.report.latents.promoted import promoted
from workflow_scripts.anatomy.report.latents.table import error_table, latent_table
from workflow_scripts.anatomy.report.latents.token_names import names_of

begin(snakemake.log[0], snakemake.threads)

files, params = snakemake.input, snakemake.params
extent = Extent.of(params.explorer)
store = open_activations(files.activations)
sae = open_sae(files.sae, files.codes, store=store)
norms2 = opening(files.norms[0], "norms")["norms2"] if files.norms else None

errors = error_table(error_sums(sae, norms2), params.draws, params.seed)
found = contexts_of(store, sae.codes, extent, params.seed)
near = nearest_of(sae.directions, open_others(files.other_saes, files.other_codes))
logits = promoted(sae.directions, sae.site, files.model, files.tokenizer, extent.logits)
write_arrays(snakemake.output.arrays, arrays_of(found, near) | logits)
table = latent_table(errors, sae, near, names_of(found, files.tokenizer))
write_table(snakemake.output.table, table)
log.info(
    "%s: %d latents, %d dead; of the squared error %.1f %% is shared among latents",
    sae.name,
    len(table),
    (table["firings"] == 0).sum(),
    100 * table["error_contribution"].sum(),
)
