"""What perturbations of one position of a residual stream do there and after it, draw after draw."""

from pathlib import Path

import numpy as np

from workflow_scripts.anatomy.activations.store import open_activations, read
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.interventions.perturbations import PERTURBATIONS
from workflow_scripts.anatomy.interventions.single_position import single_position_effects
from workflow_scripts.anatomy.interventions.subjects import of_sae
from workflow_scripts.anatomy.interventions.surroundings import surroundings
from workflow_scripts.anatomy.models.language_model import load_model
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.statistics.splits import Split

begin(snakemake.log[0], snakemake.params.threads)

params, given, first = snakemake.params, snakemake.input, snakemake.params.first
store, device = open_activations(given.activations), resolve_device(params.device)
block = params.block
split = Split.of(params.analysis, params.seed, store, first)
contexts = split.held_out_contexts(store.shape, block["contexts"])
dictionary = load_dictionary(given.sae, device)
model, _ = load_model(Path(given.model), device)

position = block["position"]
units, length = split.units, store.shape[1]
contexts = [c for c in contexts if split.masks(slice(c, c + 1), length)[1][0, position]]
following = block.get("following", 0)
measured = single_position_effects(
    *(model, store, params.site, of_sae(dictionary)),
    surroundings(store, params.site, dictionary, split, device, scaled=False),
    *(PERTURBATIONS, params.draws, contexts, position, following, params.seed, device),
)
found = dict(measured)
arrays = {name: np.stack([found[context][name] for context in contexts]) for name in params.draws}
at = np.asarray(contexts)
tokens = [read(store.group["tokens"], slice(c, c + 1), store.path)[0, position] for c in contexts]
of_position = np.array([units.places(slice(c, c + 1))[0, position] for c in contexts])
about = {"contexts": at, "tokens": np.array(tokens), "units": of_position}
write_arrays(snakemake.output.effects, about | arrays)
log.info("%s: position %d of %d contexts", dictionary.name, position, len(contexts))
