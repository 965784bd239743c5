"""What perturbations of a site, Sae(x) among them, do to a model's predictions, token by token."""

from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import digest_of_file
from workflow_scripts.anatomy.interventions.effects import effects
from workflow_scripts.anatomy.interventions.effects_store import write_effects
from workflow_scripts.anatomy.interventions.perturbations import chosen_perturbations
from workflow_scripts.anatomy.interventions.subjects import subject_of
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.interventions.surroundings import surroundings
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.splits import Split

begin(snakemake.log[0], snakemake.params.threads)

params, given, first = snakemake.params, snakemake.input, snakemake.params.first
store, device = open_activations(given.activations), resolve_device(params.device)
split = Split.of(params.analysis, params.seed, store, first)
contexts = split.held_out_contexts(store.shape, params.contexts)

dictionary = load_dictionary(given.sae, device)
# A rule's function gives a file of its own, or an empty list.
others = [given.maps or None, given.wider[0] if given.wider else None]
subject = subject_of(params.subject, dictionary, *others, params.threshold)
perturbations, drawn = chosen_perturbations(params.extent, params.sweep, params.draws)
scaled = "sae_scaled" in perturbations
around = surroundings(store, params.site, dictionary, split, device, scaled=scaled)
model, _ = load_model(Path(given.model), device)


def measure(some):
    substituted = SubstitutedModel(model, store, params.site, list(some), device)
    return effects(substituted, subject, around, perturbations, drawn, first, params.seed)


about = {
    name: dictionary.metadata.get(name)
    for name in ("model", "site", "architecture", "width", "seed")
}
about |= {"sae": dictionary.name, "subject": params.subject, "first": first}
identity = about | {
    "code": params.code,
    "device": device,
    "analysis": params.analysis,
    "draws": drawn,
}
identity |= {"run_seed": params.seed, "contexts": contexts, "sweep": params.sweep}
identity |= {"files": [digest_of_file(path) for path in given], "threshold": params.threshold}
write_effects(Path(snakemake.output.effects), store, contexts, measure, about, identity)
