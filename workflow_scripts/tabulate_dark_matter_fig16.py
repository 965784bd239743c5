"""Figure 16: does the nonlinear error's norm help to predict a larger SAE's error norm (Eq. 23)?"""

from itertools import combinations

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import with_interval, write_rows
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.pairs import describe_pair, pair_products

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
both = zip(snakemake.input.codes, snakemake.input.norms, strict=True)
saes = sorted(((open_codes(codes), norms) for codes, norms in both), key=lambda each: each[0].width)
rows = []
for (small, norms), (large, _) in combinations(saes, 2):
    gathered = pair_products(small, large, analysis, params.seed, norms)
    row = describe_pair(small, large, params.seed) | {"split": analysis["split"]}
    for name, constant in (("fvu_decrease", []), ("fvu_decrease_intercept", ["one"])):
        fewer, more = [*constant, "small"], [*constant, "small", "nonlinear"]
        found = gathered.fvu_decrease("large", fewer, more, analysis["bootstrap"], params.seed)
        row |= with_interval(name, found)
    rows.append(row)
write_rows(snakemake.output.table, rows)
