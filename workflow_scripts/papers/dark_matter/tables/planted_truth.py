"""Appendix B's estimates of absent, dense and introduced error on data where the truth is known."""

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.papers.dark_matter.synthetic.planted_truth import bias_table


def tabulate(input: Named, params: Named) -> Tables:
    """input: nothing. params: options (repeats, and what `bias_table` takes), bootstrap, seed."""
    options = dict(params.options)
    seeds = [params.seed + number for number in range(options.pop("repeats"))]
    return {"table": bias_table(**options, seeds=seeds, resamples=params.bootstrap)}
