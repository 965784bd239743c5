"""Figure 4: error norms of larger SAEs predicted from smaller ones (Eq. 13), for every pair."""

from itertools import combinations

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_draws
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.pairs import describe_pair, pair_products


def tabulate(input: Named, params: Named) -> Tables:
    """input: codes of SAEs of one site. params: analysis, seed."""
    analysis, draws, seed = params.analysis, params.analysis["bootstrap"], params.seed
    stores = sorted((open_codes(path) for path in input.codes), key=lambda store: store.width)
    rows = []
    for small, large in combinations(stores, 2):
        gathered = pair_products(small, large, analysis, seed)
        row = describe_pair(small, large, seed) | {"split": analysis["split"]}
        row |= with_draws("c", gathered.ratio("large", "small", draws, seed))
        for name, regressors in (("r2", ["small"]), ("r2_intercept", ["one", "small"])):
            row |= with_draws(name, gathered.r2("large", regressors, draws, seed))
        rows.append(row)
    return {"table": pd.DataFrame(rows)}
