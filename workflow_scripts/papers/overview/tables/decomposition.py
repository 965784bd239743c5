"""The error of every SAE that is taken apart: how much of it is linear, and how well its norm is predicted."""

from workflow_scripts.anatomy.base.tables import Named, Tables, select_columns

SHOWN = {
    "fvu": "fvu",
    "fvu_nonlinear": "fvu_nonlinear",
    "error_r2": "error_r2",
    "norm_r2": "norm_r2_error",
    "norm_ratio": "norm_ratio",
}


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of the SAEs' codes (Eq. 10 to 12 of the dark-matter paper), and their draws."""
    return {"table": select_columns(input.scores, SHOWN, input.draws)}
