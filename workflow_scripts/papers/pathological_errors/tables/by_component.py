"""Parts of an SAE's error, pursuit codes and a stitched SAE, beside random errors of the same size."""

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.interventions.effect_ratios import compared


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects of several subjects. params: bootstrap, seed."""
    return {"table": compared(input.effects, params.bootstrap, params.seed)}
