"""Figures 5 and 12: error norms of consecutive held-out tokens, whole and in their two parts."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.store import opening
from workflow_scripts.anatomy.base.tables import VECTORS, Named, Tables
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.text.tokenization import token_strings
from workflow_scripts.papers.dark_matter.measures.token_window import choose_window


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations and tokenizer of a model; codes of its SAEs, and norms (squared, of every
    token), in the same order. params: analysis, seed, tokens_shown."""
    analysis, seed = params.analysis, params.seed
    store = open_activations(input.activations)
    split = Split.of(analysis, seed, store)
    # b* must not have been fitted on what is shown: the split is that of the regressions.
    context, positions = choose_window(store, split, params.tokens_shown)
    text = token_strings(input.tokenizer)
    tokens = store.group["tokens"][context][positions]
    rows = []
    for codes_path, norms_path in zip(input.codes, input.norms, strict=True):
        codes = open_codes(codes_path)
        norms2 = opening(norms_path, "norms")["norms2"][context][positions]
        norms = dict(zip(VECTORS, np.sqrt(norms2).T, strict=True))
        for number, position in enumerate(range(positions.start, positions.stop)):
            rows.append(
                {name: codes.group.attrs[name] for name in ("model", "site", "sae", "width")}
                | {
                    "l0": codes.summary["l0"],
                    "seed": seed,
                    "split": analysis["split"],
                    "context": context,
                    "position": position,
                    "token": text[tokens[number]],
                    "error_norm": norms["error"][number],
                    "linear_norm": norms["linear_error"][number],
                    "nonlinear_norm": norms["nonlinear_error"][number],
                }
            )
    rows.sort(key=lambda row: (row["width"], row["position"]))
    return {"table": pd.DataFrame(rows)}
