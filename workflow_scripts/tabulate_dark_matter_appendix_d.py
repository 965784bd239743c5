"""Appendix D: masking a sparse power-law sum of random directions gives a parabola."""

from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import write_table
from workflow_scripts.papers.dark_matter.synthetic.random_directions import random_directions_table

begin(snakemake.log[0], snakemake.threads)

options = dict(snakemake.params.options)
seeds = [snakemake.params.seed + number for number in range(options.pop("repeats"))]
table = random_directions_table(**options, seeds=seeds, resamples=snakemake.params.bootstrap)
write_table(snakemake.output.table, table)
