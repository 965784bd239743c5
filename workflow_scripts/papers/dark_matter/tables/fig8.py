"""Figure 8: the loss that each part of the error recovers, against width and against L0."""

from typing import Any

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, identity
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.loss_entries import losses_of
from workflow_scripts.anatomy.interventions.loss_recovery import recovery
from workflow_scripts.anatomy.saes.dictionary_file import description


def tabulate(input: Named, params: Named) -> Tables:
    """input: losses of a site; saes of several widths and saes_by_l0 of one, with their codes and
    codes_by_l0 in the same order. params: analysis, seed."""
    analysis, seed = params.analysis, params.seed

    def rows_of(sae: str, codes: str) -> list[dict[str, Any]]:
        who = identity(description(sae)["metadata"], open_codes(codes).summary)
        sums = losses_of(input.losses, who["sae"])
        about = who | {"split": analysis["split"], "contexts": len(sums["count"])}
        return [about | row for row in recovery(sums, analysis["bootstrap"], seed)]

    parts = []
    # An SAE that lies on both axes has rows on both: each panel is a selection by axis alone.
    for axis, saes, codes in (
        ("width", input.saes, input.codes),
        ("l0", input.saes_by_l0, input.codes_by_l0),
    ):
        rows = [row for paths in zip(saes, codes, strict=True) for row in rows_of(*paths)]
        parts.append(pd.DataFrame(rows).assign(axis=axis).sort_values(axis))
    return {"table": pd.concat(parts, ignore_index=True)}
