"""Figures 5 and 12: error norms of consecutive held-out tokens, whole and in their two parts."""

import numpy as np

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.job import begin
from workflow_scripts.anatomy.base.store import opening
from workflow_scripts.anatomy.base.tables import VECTORS, write_rows
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text.tokenization import token_strings
from workflow_scripts.papers.dark_matter.measures.token_window import choose_window

begin(snakemake.log[0], snakemake.threads)

params, analysis = snakemake.params, snakemake.params.analysis
store = open_activations(snakemake.input.activations)
split = Split.of(analysis, params.seed, store)
context, positions = choose_window(store, split, params.tokens_shown)
text = token_strings(snakemake.input.tokenizer)
tokens = store.group["tokens"][context][positions]
rows = []
for codes_path, norms_path in zip(snakemake.input.codes, snakemake.input.norms, strict=True):
    codes = open_codes(codes_path)
    norms2 = opening(norms_path, "norms")["norms2"][context][positions]
    norms = dict(zip(VECTORS, np.sqrt(norms2).T, strict=True))
    for at, position in enumerate(range(positions.start, positions.stop)):
        rows.append(
            {name: codes.group.attrs[name] for name in ("model", "site", "sae", "width")}
            | {
                "l0": codes.summary["l0"],
                "seed": params.seed,
                "split": analysis["split"],
                "context": context,
                "position": position,
                "token": text[tokens[at]],
                "error_norm": norms["error"][at],
                "linear_norm": norms["linear_error"][at],
                "nonlinear_norm": norms["nonlinear_error"][at],
            }
        )
rows.sort(key=lambda row: (row["width"], row["position"]))
write_rows(snakemake.output.table, rows)
