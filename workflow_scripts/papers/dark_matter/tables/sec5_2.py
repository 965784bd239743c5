"""Section 5.2: what FVU SAEs converge to on the linear and on the nonlinear error."""

import pandas as pd

from workflow_scripts.anatomy.base.tables import (
    Named,
    Tables,
    concatenate,
    identity,
    with_interval,
)
from workflow_scripts.anatomy.codes.normalised_error import held_out_fvu
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.splits import Split


def tabulate(input: Named, params: Named) -> Tables:
    """input: training curves, csv files; saes trained on a part of the error, and their codes, in the
    same order. params: components, the part of each SAE; analysis, seed."""
    analysis, seed = params.analysis, params.seed
    rows = []
    for component, sae_path, codes_path in zip(
        params.components, input.saes, input.codes, strict=True
    ):
        codes = open_codes(codes_path)
        # A batch's FVU, where the curve ends, is noisy, and of tokens that the SAE was trained on.
        fvu = held_out_fvu(codes, Split.of(analysis, seed, codes), analysis["bootstrap"], seed)
        who = identity(description(sae_path)["metadata"], codes.summary)
        about = {"component": component, "split": analysis["split"]}
        rows.append(who | about | with_interval("fvu_held_out", fvu))
    return {"table": concatenate(input.curves), "final": pd.DataFrame(rows)}
