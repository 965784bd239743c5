"""A capability removed by ablating latents, against other ways: what is lost, and KL at all other tokens."""

from typing import Any

import pandas as pd
import torch

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.tables import Named, Tables, identity
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.interventions.attribution import attributions
from workflow_scripts.anatomy.interventions.capability import capability_of, chance_of
from workflow_scripts.anatomy.interventions.editing import measure_edits
from workflow_scripts.anatomy.interventions.substitution_losses import SubstitutedModel
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.statistics.components import load_components
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text.tokenization import token_strings
from workflow_scripts.papers.interpretable_features.labels import LabelledTokens
from workflow_scripts.papers.interpretable_features.order import by_attribution, by_difference
from workflow_scripts.papers.interpretable_features.removal import edits_of
from workflow_scripts.papers.interpretable_features.removed import curves, matched

IDENTIFYING = ("model", "site", "sae", "width", "l0", "seed")


def tabulate(input: Named, params: Named) -> Tables:
    """input: model, tokenizer, activations, components; sae and its codes. params: erasure, site,
    contexts, analysis, seed, device."""
    erasure, site, seed = params.erasure, params.site, params.seed
    device, draws = resolve_device(params.device), params.analysis["bootstrap"]
    store = open_activations(input.activations)
    split = Split.of(params.analysis, seed, store)
    components = load_components(input.components)
    sae = open_sae(input.sae, input.codes, device)
    model, _ = load_model(input.model, device)
    where = "interpretable_features.erasure"
    strings = token_strings(input.tokenizer)
    capability = capability_of(strings, erasure["groups"], erasure["rivals"], where)
    labelled = LabelledTokens(store, site, split, capability)
    by_chance = chance_of(labelled.counts(), capability)

    if erasure["selection"] == "attribution":
        contexts = labelled.whole_contexts(params.contexts)
        looked_at = SubstitutedModel(model, store, site, contexts, device)
        mean = torch.from_numpy(components["pca"].mean).to(device)
        order = by_attribution(attributions(looked_at, sae.dictionary, capability, mean))
    else:
        order = by_difference(labelled, sae)
    edits = edits_of(labelled, sae.dictionary, components, order, erasure["counts"], seed)
    contexts = split.held_out_contexts(store.shape, params.contexts)
    judged = SubstitutedModel(model, store, site, contexts, device)
    clean, edited = measure_edits(judged, capability, edits)

    metadata = sae.dictionary.metadata
    who: dict[str, Any] = identity(metadata, sae.codes.summary)
    who = {name: who[name] for name in IDENTIFYING} | {"selection": erasure["selection"]}
    table = curves(clean, edited, by_chance, draws, seed)
    pairs = matched(clean, edited, by_chance, draws, seed)
    return {
        "table": pd.DataFrame([who | row for row in table]),
        "matched": pd.DataFrame([who | row for row in pairs]),
    }
