"""Figure 20: decoder biases of the SAEs of a site, compared, and exchanged."""

from itertools import permutations

import numpy as np

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import with_interval, write_rows
from workflow_scripts.anatomy.statistics.bootstrap import context_interval
from workflow_scripts.papers.canonical_units.stitching.biases import bias_of
from workflow_scripts.papers.canonical_units.stitching.pair import open_half

begin(snakemake.log[0], snakemake.threads)

params, draws = snakemake.params, snakemake.params.analysis["bootstrap"]
store = open_activations(snakemake.input.activations)
found = []
for paths in zip(snakemake.input.saes, snakemake.input.codes, strict=True):
    half = open_half(*paths)
    bias, count = bias_of(half, store, params.site)
    found.append((half.name, half.width, bias))
rows = []
for (name, width, own), (other_name, other_width, other) in permutations(found, 2):
    sums = {"change": own.exchanged(other, count), "error2": own.error2}
    change = context_interval(lambda s: 100 * s["change"] / s["error2"], sums, draws, params.seed)
    own_norm, other_norm = np.linalg.norm(own.bias), np.linalg.norm(other.bias)
    cosine = own.bias @ other.bias / (own_norm * other_norm) if own_norm * other_norm else np.nan
    rows.append(
        {
            "model": store.group.attrs["model"],
            "site": params.site,
            "sae": name,
            "other": other_name,
            "width": width,
            "width_other": other_width,
            "cosine": cosine,
            "norm_ratio": other_norm / own_norm if own_norm else np.nan,
        }
        | with_interval("mse_change", change)
    )
write_rows(snakemake.output.table, rows)
