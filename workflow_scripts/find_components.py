"""Principal and independent components of a site's training tokens."""

import numpy as np

from workflow_scripts.anatomy.activations.samples import sampled_tokens
from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin, log
from workflow_scripts.anatomy.statistics.components import (
    independent_components,
    principal_components,
    save_components,
)
from workflow_scripts.anatomy.statistics.regression import Moments
from workflow_scripts.anatomy.statistics.splits import Split

begin(snakemake.log[0], snakemake.threads)

params = snakemake.params
store = open_activations(snakemake.input.activations)
split = Split.of(params.analysis, params.seed, store)

gathered = Moments.load(snakemake.input.moments)
offset = gathered.x / gathered.count
covariance = gathered.xx / gathered.count - offset[:, None] * offset
pca = principal_components((gathered.shift + offset).numpy(), covariance.numpy())
sample = sampled_tokens(store, params.site, split, params.tokens, params.seed)
ica = independent_components(sample, len(pca.readers), params.seed)
log.info("%d components of %d dimensions", len(pca.readers), len(offset))
log.info("kurtosis of independent components: %.1f", np.mean(ica.scores(sample) ** 4))
save_components(snakemake.output.components, {"pca": pca, "ica": ica})
