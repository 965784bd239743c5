"""Figure 16: does the nonlinear error's norm help to predict a larger SAE's error norm (Eq. 23)?"""

from itertools import combinations

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, with_draws
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.pairs import describe_pair, pair_products


def tabulate(input: Named, params: Named) -> Tables:
    """input: codes of SAEs of one site, and norms (squared, of every token), in the same order.
    params: analysis, seed."""
    analysis, draws, seed = params.analysis, params.analysis["bootstrap"], params.seed
    saes = zip(map(open_codes, input.codes), input.norms, strict=True)
    rows = []
    for (small, norms), (large, _) in combinations(sorted(saes, key=lambda sae: sae[0].width), 2):
        gathered = pair_products(small, large, analysis, seed, norms)
        row = describe_pair(small, large, seed) | {"split": analysis["split"]}
        # Eq. 23 has no intercept; with one, the norm cannot help by standing in for the constant.
        for name, constant in (("fvu_decrease", []), ("fvu_decrease_intercept", ["one"])):
            fewer, more = [*constant, "small"], [*constant, "small", "nonlinear"]
            row |= with_draws(name, gathered.fvu_decrease("large", fewer, more, draws, seed))
        rows.append(row)
    return {"table": pd.DataFrame(rows)}
