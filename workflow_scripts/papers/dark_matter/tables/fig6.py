"""Figure 6: how well x predicts the squared norm of five vectors, over all SAEs of the run."""

import pandas as pd

from workflow_scripts.anatomy.base.draws import DRAWS
from workflow_scripts.anatomy.base.tables import IDENTITY, VECTORS, Named, Tables, concatenate


def tabulate(input: Named, params: Named) -> Tables:
    """input: scores of SAEs, csv files, and their draws, in the same order."""
    scores = concatenate(input.scores, input.draws)
    parts = []
    for vector in VECTORS:
        part = scores[[*IDENTITY, "split"]].copy()
        part["vector"] = vector
        for end in ("", "_lo", "_hi", DRAWS):
            part[f"r2{end}"] = scores[f"norm_r2_{vector}{end}"]
        parts.append(part)
    return {"table": pd.concat(parts, ignore_index=True)}
