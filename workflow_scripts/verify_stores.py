"""Read every store of a run against the hashes of its manifest."""

from pathlib import Path

from workflow_scripts.anatomy.job import begin, log
from workflow_scripts.anatomy.store import verify

begin(snakemake.log[0], snakemake.threads)

for manifest in snakemake.input:
    store = Path(manifest).parent
    log.info("%s: %d files as they were written", store, verify(store))
