"""The rows of several tables of the same columns, in one table."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import concatenate, write_table

begin(snakemake.log[0], snakemake.threads)

write_table(snakemake.output.table, concatenate(snakemake.input.tables))
