"""Appendix B's estimates of absent, dense and introduced error on data where the truth is known."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.papers.dark_matter.synthetic.planted_truth import bias_table

begin(snakemake.log[0], snakemake.threads)

options = dict(snakemake.params.options)
seeds = [snakemake.params.seed + number for number in range(options.pop("repeats"))]
table = bias_table(**options, seeds=seeds, resamples=snakemake.params.bootstrap)
write_table(snakemake.output.table, table)
