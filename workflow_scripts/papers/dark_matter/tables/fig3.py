"""Figure 3: error norm R^2 of the SAE nearest the target L0 at every layer."""

from workflow_scripts.anatomy.base.tables import Named, Tables, select_columns

SHOWN = {"norm_r2": "norm_r2_error"}


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of SAEs, csv files, and their draws, in the same order."""
    return {"table": select_columns(input.scores, SHOWN, input.draws)}
