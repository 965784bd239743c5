"""Read every store of a run against the hashes of its manifest."""

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import verify

begin(snakemake.log[0], snakemake.threads)

for manifest in snakemake.input:
    log.info("%s: %d files are as they were written", manifest, verify(manifest))
