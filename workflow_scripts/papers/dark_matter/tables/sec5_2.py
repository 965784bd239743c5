"""Section 5.2: what FVU SAEs converge to on the linear and on the nonlinear error."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.base.tables import (
    Named,
    Tables,
    concatenate,
    identity,
    with_interval,
)
from workflow_scripts.anatomy.codes.normalised_error import held_out_fvu
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.error_store import error_store
from workflow_scripts.anatomy.saes.dictionary import load_dictionary
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.error_map import load_error_map
from workflow_scripts.anatomy.statistics.splits import Split


def tabulate(input: Named, params: Named) -> Tables:
    """input: training curves, csv files; saes trained on a part of the error, and their codes, in the
    same order; activations, and what makes the error of them: sae, maps. params: components, the part
    of each SAE; analysis, seed."""
    analysis, seed = params.analysis, params.seed
    store = open_activations(input.activations)
    dictionary, linear = load_dictionary(input.sae), load_error_map(input.maps)
    rows = []
    for component, sae_path, codes_path in zip(
        params.components, input.saes, input.codes, strict=True
    ):
        codes = open_codes(codes_path)
        # A batch's FVU, where the curve ends, is noisy, and of tokens that the SAE was trained on.
        error = error_store(store, codes.group.attrs["site"], dictionary, linear, component)
        split = Split.of(analysis, seed, codes)
        fvu = held_out_fvu(error, codes, split, analysis["bootstrap"], seed)
        who = identity(description(sae_path)["metadata"], codes.summary)
        about = {"component": component, "split": analysis["split"]}
        rows.append(who | about | with_interval("fvu_held_out", fvu))
    return {"table": concatenate(input.curves), "final": pd.DataFrame(rows)}
