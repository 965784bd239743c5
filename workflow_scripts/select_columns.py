"""The rows of several SAEs' scores, with the columns that a figure shows under the names it uses."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import IDENTITY, concatenate, write_table

begin(snakemake.log[0], snakemake.threads)

table = concatenate(snakemake.input.scores)
table["layer"] = table["site"].str.extract(r"blocks\.(\d+)\.").astype(int)
names = {column: column for column in (*IDENTITY, "layer", "split", "n_train", "n_test")}
for shown, column in snakemake.params.columns.items():
    names |= {f"{column}{end}": f"{shown}{end}" for end in ("", "_lo", "_hi")}
write_table(snakemake.output.table, table[list(names)].rename(columns=names))
