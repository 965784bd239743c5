"""Figure 6: how well x predicts the squared norm of five vectors, over all SAEs of the run."""

import pandas as pd

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import IDENTITY, VECTORS, concatenate, write_table

begin(snakemake.log[0], snakemake.threads)

table = concatenate(snakemake.input.scores)
parts = []
for vector in VECTORS:
    part = table[[*IDENTITY, "split"]].copy()
    part["vector"] = vector
    for end in ("", "_lo", "_hi"):
        part[f"r2{end}"] = table[f"norm_r2_{vector}{end}"]
    parts.append(part)
write_table(snakemake.output.table, pd.concat(parts, ignore_index=True))
