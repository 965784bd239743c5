"""Figures 5, 17 and 22: every stitched SAE on the way from the smallest SAE to the largest, and every swap."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import Named, Tables
from workflow_scripts.anatomy.decomposition.pairs import describe_pair
from workflow_scripts.papers.canonical_units.stitching.moves import interpolation, thinned
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, consecutive
from workflow_scripts.papers.canonical_units.stitching.path import walk
from workflow_scripts.papers.canonical_units.stitching.path_tables import (
    point_table,
    swap_points,
    swap_table,
)
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    components,
    firing_similarity,
)

POINTS = 400  # of figure 5, each exact, between two SAEs


def tabulate(input: Named, params: Named) -> Tables:
    """Table `table` of points on the path, and with `params.swaps` table `swaps` of figure 17.

    input: activations; saes of their site, two or more, and codes of these in the same order. params:
    site, threshold, analysis, seed, swaps.
    """
    draws, seed = params.analysis["bootstrap"], params.seed
    store = open_activations(input.activations)
    tables, swap_tables, steps_before = [], [], 0
    for small, large in consecutive(input.saes, input.codes):
        likeness = firing_similarity(small, large, params.threshold)
        moves = interpolation(components(likeness), seed)
        points, swaps = thinned(moves, POINTS), swap_points(moves)
        # Every swap must be seen alone, which thinned points do not do; recording takes memory.
        recorded = np.union1d(points, swaps) if params.swaps else points
        (path,) = walk(Pair(store, params.site, small, large), [moves], [recorded])
        who = describe_pair(small.codes, large.codes, seed)
        table = point_table(path.at(points), moves, draws, seed)
        # The path goes on where that to the smaller SAE of this pair has ended.
        table["step"] += steps_before
        steps_before += len(moves.kinds)
        tables.append(table.assign(**who, **likeness.silent))
        if params.swaps:
            table = swap_table(path.at(swaps), draws, seed)
            swap_tables.append(table.assign(**who, **likeness.silent))
    by_output = {"table": pd.concat(tables)}
    if params.swaps:
        by_output["swaps"] = pd.concat(swap_tables)
    return by_output
