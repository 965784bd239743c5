"""Figure 4: error norms of larger SAEs predicted from smaller ones (Eq. 13), for every pair."""

from itertools import combinations

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import with_interval, write_rows
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.pairs import describe_pair, pair_products

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
stores = sorted((open_codes(path) for path in snakemake.input.codes), key=lambda store: store.width)
rows = []
for small, large in combinations(stores, 2):
    gathered = pair_products(small, large, analysis, params.seed)
    row = describe_pair(small, large, params.seed) | {"split": analysis["split"]}
    row |= with_interval("c", gathered.ratio("large", "small", analysis["bootstrap"], params.seed))
    for name, regressors in (("r2", ["small"]), ("r2_intercept", ["one", "small"])):
        found = gathered.r2("large", regressors, analysis["bootstrap"], params.seed)
        row |= with_interval(name, found)
    rows.append(row)
write_rows(snakemake.output.table, rows)
