"""Figures 7 and 8: normalised MSE and increase in cross-entropy, against dictionary size and against k."""

import pandas as pd

from workflow_scripts.anatomy.activations.store import open_activations
from workflow_scripts.anatomy.activations.sums import activation_sums
from workflow_scripts.anatomy.base.tables import IDENTITY, Named, Tables, identity, with_draws
from workflow_scripts.anatomy.codes.normalised_error import error_sums, nmse
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.loss_entries import losses_of
from workflow_scripts.anatomy.interventions.loss_recovery import degradation
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.bootstrap import document_interval

ORDER = ["comparison", "architecture", "width", "k"]


def tabulate(input: Named, params: Named) -> Tables:
    """input: activations and losses of one site; saes of it, and codes of these in the same order.
    params: chosen, with the site, and the width and k that are held fixed; nominal_l0 of the SAEs, in
    their order; bootstrap, seed."""
    draws, seed, chosen = params.bootstrap, params.seed, params.chosen
    variance = activation_sums(open_activations(input.activations), chosen["site"])
    rows = []
    for sae, codes_path, k in zip(input.saes, input.codes, params.nominal_l0, strict=True):
        codes = open_codes(codes_path)
        who = identity(description(sae)["metadata"], codes.summary)
        row = {column: who[column] for column in IDENTITY} | {"k": k}
        normalised = document_interval(nmse, variance | error_sums(codes), draws, seed)
        measured = with_draws("nmse", normalised)
        measured |= degradation(losses_of(input.losses, who["sae"]), draws, seed)
        # Not one or the other: the SAE with both is a point of either half.
        if k == chosen["k"]:
            rows.append(row | {"comparison": "size"} | measured)
        if who["width"] == chosen["width"]:
            rows.append(row | {"comparison": "sparsity"} | measured)
    rows.sort(key=lambda row: [row[column] for column in ORDER])
    return {"table": pd.DataFrame(rows)}
