"""Table 2: size, L0, MSE and cross-entropy loss recovered of every SAE of the run."""

import pandas as pd

from workflow_scripts.anatomy.base.tables import IDENTITY, Named, Tables, identity, with_draws
from workflow_scripts.anatomy.codes.normalised_error import error_sums, mse
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.loss_entries import losses_of
from workflow_scripts.anatomy.interventions.loss_recovery import loss_recovered
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.anatomy.statistics.bootstrap import document_interval


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes, and for each of them codes and the losses of its site. params: trained_as, a
    name for how each of the SAEs was trained, in the same order; bootstrap, seed."""
    draws, seed = params.bootstrap, params.seed
    rows = []
    for sae, codes_path, losses, training in zip(
        input.saes, input.codes, input.losses, params.trained_as, strict=True
    ):
        codes = open_codes(codes_path)
        who = identity(description(sae)["metadata"], codes.summary)
        row = {column: who[column] for column in IDENTITY} | {"trained_as": training}
        row |= with_draws("mse", document_interval(mse, error_sums(codes), draws, seed))
        row |= loss_recovered(losses_of(losses, who["sae"]), draws, seed)
        rows.append(row)
    return {"table": pd.DataFrame(rows)}
