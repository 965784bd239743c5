"""Dense probes: a logistic probe on the pooled activations for every problem of a labelled entry."""

import json

import numpy as np

from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.probing.pooling import open_pooled
from workflow_scripts.anatomy.probing.results import dense_results

begin(snakemake.log[0], snakemake.threads)

about, arrays = dense_results(open_pooled(snakemake.input.pooled), snakemake.params.name)
write_arrays(snakemake.output.results, arrays | {"about": np.array(json.dumps(about))})
for (dataset, label, _), right, of in zip(
    about["problems"], *(arrays[name].sum((0, -1)) for name in ("correct", "count")), strict=True
):
    log.info("%s, %s: accuracy %.3f", dataset, label, right / of)
