"""Read every store of a run against the hashes of its manifest, and every other file against its record."""

from workflow_scripts.anatomy.base.digests import Roots, damaged
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import verify

begin(snakemake.log[0], snakemake.threads)

for manifest in snakemake.input:
    log.info("%s: %d files are as they were written", manifest, verify(manifest))
sentences = [sentence for _, sentence in damaged(Roots.of(snakemake.config))]
for sentence in sentences[1:]:
    log.error("error: %s", sentence)
if sentences:
    raise AnatomyError(sentences[0])
