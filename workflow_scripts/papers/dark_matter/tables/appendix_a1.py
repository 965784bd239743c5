"""Appendix A.1: norms of reconstructions, and whether b* only undoes shrinkage."""

from workflow_scripts.anatomy.base.tables import Named, Tables, select_columns

SHOWN = {"norm_ratio": "norm_ratio", "cosine": "cosine"}


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of SAEs, csv files, and their draws, in the same order."""
    return {"table": select_columns(input.scores, SHOWN, input.draws)}
