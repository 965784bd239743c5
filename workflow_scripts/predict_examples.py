"""The most probable next tokens of a few contexts: of the model as it is, under Sae(x), and at random."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_rows
from workflow_scripts.anatomy.interventions.effects_store import open_effects
from workflow_scripts.anatomy.interventions.predictions import chosen_tokens, predictions
from workflow_scripts.anatomy.interventions.subjects import of_sae
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.interventions.surroundings import surroundings
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text.tokenization import token_strings

begin(snakemake.log[0], snakemake.params.threads)

params, given = snakemake.params, snakemake.input
store, device = open_activations(given.activations), resolve_device(params.device)
found = open_effects(given.effects)
split = Split.of(params.analysis, params.seed, store, found.first)
dictionary = load_dictionary(given.sae, device)
around = surroundings(store, params.site, dictionary, split, device, scaled=False)
model, _ = load_model(Path(given.model), device)
chosen = chosen_tokens(found, params.examples)
contexts = sorted({context for context, _ in chosen})
substituted = SubstitutedModel(model, store, params.site, contexts, device)
rows = predictions(
    *(substituted, of_sae(dictionary), around, chosen, found.first, params.seed),
    token_strings(Path(given.tokenizer)),
)
write_rows(snakemake.output.table, rows)
