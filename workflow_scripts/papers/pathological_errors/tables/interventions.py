"""Mean KL and increase in loss of every intervention at all positions, at every layer."""

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.interventions.effect_means import about, effects_names, means_of, who
from workflow_scripts.anatomy.interventions.effects_store import open_effects
from workflow_scripts.papers.pathological_errors.interventions import BASELINE, INTERVENTIONS


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects, one store a layer. params: bootstrap, seed."""
    rows = []
    for store in map(open_effects, input.effects):
        means = means_of(store, effects_names(*INTERVENTIONS), params.bootstrap, params.seed)
        named = who(store, means)
        rows += [
            named | {"intervention": name} | about(means) | means.columns(name, BASELINE)
            for name in INTERVENTIONS
        ]
    return {"table": pd.DataFrame(rows)}
