"""Figure 9: how many tokens have how many active latents, the first of a context (BOS) apart."""

import numpy as np

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.tables import IDENTITY, identity, write_rows
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description

begin(snakemake.log[0], snakemake.threads)

files = snakemake.input
has_bos = open_activations(files.activations).group.attrs["has_bos"]
rows = []
for sae, codes_path in zip(files.saes, files.codes, strict=True):
    codes = open_codes(codes_path)
    who = identity(description(sae)["metadata"], codes.summary)
    counts = np.zeros((2, codes.width + 1), np.int64)
    for block in codes.block_slices():
        l0 = codes.scalar("l0", block)
        for bos, part in ((False, l0[:, codes.min_position :]), (True, l0[:, :has_bos])):
            counts[int(bos)] += np.bincount(part.ravel(), minlength=codes.width + 1)
    for bos, active in np.argwhere(counts > 0).tolist():
        found = {"active_latents": active, "bos": bool(bos), "count": int(counts[bos, active])}
        rows.append({column: who[column] for column in IDENTITY} | found)
write_rows(snakemake.output.table, rows)
