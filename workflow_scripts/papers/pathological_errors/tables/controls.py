"""The controls that the post's commenters asked for, each beside another perturbation."""

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.interventions.effect_means import about, effects_names, means_of, who
from workflow_scripts.anatomy.interventions.effects_store import open_effects
from workflow_scripts.papers.pathological_errors.interventions import CONTRASTS


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, one store a layer. params: bootstrap, seed."""
    used = dict.fromkeys(name for contrast in CONTRASTS for name in contrast)
    rows = []
    for store in map(open_effects, input.effects):
        means = means_of(store, effects_names(*used), params.bootstrap, params.seed)
        named = who(store, means)
        rows += [
            named
            | {"intervention": name, "baseline": baseline}
            | about(means)
            | means.columns(name, baseline)
            for name, baseline in CONTRASTS
        ]
    return {"table": pd.DataFrame(rows)}
