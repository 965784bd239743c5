"""Describe each latent of SAEs that are stitched: its counterparts, and what adding it alone changes.

By the function of its paper's room, called with what its rule gives.
"""

from importlib import import_module

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.tables import write_table

begin(snakemake.log[0], snakemake.threads)

params = snakemake.params
table = import_module(params.described_by).describe(snakemake.input, params)
write_table(snakemake.output.table, table)
log.info("%s", table.groupby(["sae", "group"]).size().to_string().replace("\n", "; "))
