"""Losses of a model with the activations of one site ablated, or replaced by what SAEs make of them."""

from functools import cache
from pathlib import Path

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.activations.sums import mean_activation
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import digest_of_file
from workflow_scripts.anatomy.interventions.loss_entries import (
    BASELINES,
    entry_of,
    measure_missing,
    save_entries,
    wanted_entries,
)
from workflow_scripts.anatomy.interventions.substitution_losses import (
    SubstitutedModel,
    baseline_losses,
    sae_losses,
)
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.error_map import load_error_map
from workflow_scripts.anatomy.statistics.splits import Split

begin(snakemake.log[0], snakemake.params.threads)

params, site = snakemake.params, snakemake.params.site
store, device = open_activations(snakemake.input.activations), resolve_device(params.device)
split = Split.of(params.analysis, params.seed, store)
contexts = split.held_out_contexts(store.shape, params.contexts)
names = [description(path)["metadata"]["name"] for path in snakemake.input.saes]
saes = {entry_of(n): path for n, path in zip(names, snakemake.input.saes, strict=True)}
maps = {entry_of(n): path for n, path in zip(params.in_parts, snakemake.input.maps, strict=True)}

about = {"code": params.code, "site": site, "contexts": contexts, "device": device}
about |= {"activations": store.fingerprint, "model": digest_of_file(snakemake.input.model)}
wanted = wanted_entries(about, saes, maps)


@cache
def substituted() -> SubstitutedModel:
    model, _ = load_model(snakemake.input.model, device)
    return SubstitutedModel(model, store, site, contexts, device)


def measure(name):
    if name == BASELINES:
        return baseline_losses(substituted(), mean_activation(store, site))
    linear = load_error_map(maps[name], device) if name in maps else None
    return sae_losses(substituted(), load_dictionary(saes[name], device), linear)


# Snakemake deletes the declared output before a job; what was measured before is kept beside it.
entries = measure_missing(Path(snakemake.output.losses).with_name("measured.npz"), wanted, measure)
save_entries(snakemake.output.losses, entries)
log.info("losses of %d SAEs on %d contexts", len(saes), len(contexts))
