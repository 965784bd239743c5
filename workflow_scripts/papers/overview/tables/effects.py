"""Every SAE whose effect on the model's predictions is measured, beside random errors of the same size."""

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.interventions.effect_ratios import compared


def tabulate(input: Named, params: Named) -> Tables:
    """input: effects of SAEs. params: bootstrap, seed."""
    return {"table": compared(input.effects, params.bootstrap, params.seed)}
