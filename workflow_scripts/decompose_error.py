"""Decompose the error of one SAE into linear and nonlinear parts, and score the norm probes."""

import numpy as np
import pandas as pd
from zarr.codecs import Crc32cCodec

from workflow_scripts.anatomy.activations.store import CHUNK_ROWS, open_activations
from workflow_scripts.anatomy.base.devices import resolve_device
from workflow_scripts.anatomy.base.draws import save_draws
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import replacing, writing
from workflow_scripts.anatomy.base.tables import VECTORS, identity, with_draws, write_table
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.decomposition.decomposition import (
    apply_error_map,
    error_map,
    norm_probes,
    scores,
)
from workflow_scripts.anatomy.statistics.regression import Moments, Solver
from workflow_scripts.anatomy.statistics.splits import Split

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
device = resolve_device(params.device)
store = open_activations(snakemake.input.activations)
split = Split.of(analysis, params.seed, store)
xx = Moments.load(snakemake.input.moments, device)
solver = Solver(xx, analysis["intercept"], f"{store.path}, {params.site}")
given = {"store": store, "split": split, "threads": snakemake.threads}
given["dask"] = snakemake.config["analysis"]["dask"]
sae = open_sae(snakemake.input.sae, snakemake.input.codes, device, **given)
linear = error_map(sae, solver, xx)
with writing(snakemake.output.norms, "norms") as group:
    chunk = (max(1, CHUNK_ROWS // store.shape[1]), store.shape[1], len(VECTORS))
    shape = (*store.shape, len(VECTORS))
    norms2 = group.create_array(
        "norms2", shape=shape, chunks=chunk, dtype="float64", compressors=[Crc32cCodec()]
    )
    group.attrs["vectors"] = VECTORS
    sums = apply_error_map(sae, linear, xx, norms2)
    norms = norm_probes(sae, solver, sums["cross"], norms2)
with replacing(snakemake.output.maps) as temporary:
    np.savez(temporary, weights=linear.weights.cpu(), intercept=linear.intercept.cpu())
row = identity(sae.dictionary.metadata, sae.codes.summary) | {
    "split": analysis["split"],
    "intercept": analysis["intercept"],
    "n_train": int(xx.count),
    "n_test": int(sums["held_out"]["count"].sum()),
    "condition_number": solver.condition,
}
for name, estimate in scores(sums["held_out"], norms, analysis["bootstrap"], params.seed):
    row |= with_draws(name, estimate)
table = pd.DataFrame([row])
save_draws(snakemake.output.draws, table)
write_table(snakemake.output.scores, table)
