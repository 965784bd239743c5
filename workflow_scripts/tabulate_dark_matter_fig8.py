"""Figure 8: the loss that each part of the error recovers, against width and against L0."""

import pandas as pd

from workflow_scripts.anatomy.job import begin
from workflow_scripts.anatomy.tables import concatenate, write_table

begin(snakemake.log[0], snakemake.threads)

by_width = concatenate(snakemake.input.by_width).assign(axis="width")
by_l0 = concatenate(snakemake.input.by_l0).assign(axis="l0")
table = pd.concat([by_width.sort_values("width"), by_l0.sort_values("l0")], ignore_index=True)
write_table(snakemake.output.table, table)
