"""Figures 2, 10 and 11: the three predictions for every SAE of some sites."""

from workflow_scripts.anatomy.base.tables import Named, Tables, select_columns

SHOWN = {
    "norm_r2": "norm_r2_error",
    "error_r2": "error_r2",
    "fvu": "fvu",
    "fvu_nonlinear": "fvu_nonlinear",
}


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of SAEs, csv files, and their draws, in the same order."""
    return {"table": select_columns(input.scores, SHOWN, input.draws)}
