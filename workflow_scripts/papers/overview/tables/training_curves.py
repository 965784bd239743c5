"""The training curves of all SAEs trained in this run."""

from workflow_scripts.anatomy.base.tables import Named, Tables, concatenate


def tabulate(input: Named, params: Named) -> Tables:
    """input: curves, csv files."""
    return {"table": concatenate(input.curves)}
