"""Appendix D: masking a sparse power-law sum of random directions gives a parabola."""

from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.papers.dark_matter.synthetic.random_directions import random_directions_table


def tabulate(input: Named, params: Named) -> Tables:
    """input: nothing. params: options (repeats, and what `random_directions_table` takes), bootstrap, seed."""
    options = dict(params.options)
    seeds = [params.seed + number for number in range(options.pop("repeats"))]
    table = random_directions_table(**options, seeds=seeds, resamples=params.bootstrap)
    return {"table": table}
