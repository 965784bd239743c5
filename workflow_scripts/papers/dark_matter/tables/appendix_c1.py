"""Appendix C.1: how well a linear probe predicts the squared norm, in theory and by Monte Carlo."""

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.papers.dark_matter.measures.norm_theory import norm_prediction_table


def tabulate(input: Named, params: Named) -> Tables:
    """input: nothing. params: options (rates, features, samples), seed."""
    options, seed = params.options, params.seed
    table = norm_prediction_table(options["rates"], options["features"], options["samples"], seed)
    return {"table": table.assign(seed=seed)}
