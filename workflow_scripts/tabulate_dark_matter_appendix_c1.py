"""Appendix C.1: how well a linear probe predicts the squared norm, in theory and by Monte Carlo."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.papers.dark_matter.measures.norm_theory import norm_prediction_table

begin(snakemake.log[0], snakemake.threads)

options = snakemake.params.options
table = norm_prediction_table(
    options["rates"], options["features"], options["samples"], snakemake.params.seed
)
write_table(snakemake.output.table, table.assign(seed=snakemake.params.seed))
