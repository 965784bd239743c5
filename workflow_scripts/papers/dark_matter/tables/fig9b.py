"""Figure 9b: the error of the residual stream's SAE from SAE reconstructions of what feeds it."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.tables import Named, Tables, identity, with_draws
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.statistics.error_map import load_error_map
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.cross_prediction import cross_prediction


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations of a model; saes of some of its sites, and their codes, in the same order;
    maps of the SAE whose error is predicted. params: sources, the term of Eq. 16 that each SAE stands
    for, `resid` for the one predicted; analysis, seed, device."""
    analysis, draws, seed = params.analysis, params.analysis["bootstrap"], params.seed
    device = resolve_device(params.device)
    store = open_activations(input.activations)
    split = Split.of(analysis, seed, store)
    linear = load_error_map(input.maps, device)
    given = {"store": store, "split": split}
    saes = {
        source: open_sae(sae, codes, device, **given)
        for source, sae, codes in zip(params.sources, input.saes, input.codes, strict=True)
    }
    target = saes["resid"]
    who = identity(target.dictionary.metadata, target.codes.summary)
    rows = []
    # The target is among its own sources: its reconstruction is what the others are measured against.
    for source, sae in saes.items():
        about = who | {"source": source, "source_site": sae.site, "source_sae": sae.name}
        for part, r2 in cross_prediction(sae, target, linear, draws, seed):
            rows.append(about | {"target": part} | with_draws("r2", r2))
    return {"table": pd.DataFrame(rows)}
