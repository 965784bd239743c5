"""Describe every meta-latent of a meta-SAE: which latents have it, how strongly, and what is near.

By the function of its paper's room, called with what its rule gives.
"""

from importlib import import_module

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import write_arrays, write_json
from workflow_scripts.anatomy.base.tables import write_table

begin(snakemake.log[0], snakemake.threads)

output = snakemake.output
describe = import_module(snakemake.params.described_by).describe
table, arrays, about = describe(snakemake.input)
write_table(output.table, table)
write_arrays(output.arrays, arrays)
write_json(output.about, about)
log.info("%s: %d meta-latents of %d latents", about["sae"], len(table), about["rows"])
