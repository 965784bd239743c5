"""SAEs of one site by width, L0 and architecture, beside random errors of the same size."""

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.interventions.effect_ratios import compared


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects of SAEs of one site. params: bootstrap, seed."""
    table = compared(input.effects, params.bootstrap, params.seed)
    order = ["architecture", "width", "l0", "seed", "sae"]
    return {"table": table.sort_values(order, ignore_index=True)}
