"""One row per SAE of the run: the model's loss with Sae(x) in the place of x, and what of it is recovered."""

import pandas as pd

from workflow_scripts.anatomy.base.tables import Named, Tables, identity
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.interventions.loss_entries import losses_of
from workflow_scripts.anatomy.interventions.loss_recovery import loss_recovered
from workflow_scripts.anatomy.saes.dictionary_file import description


def tabulate(input: Named, params: Named) -> Tables:
    """input: saes, and for each of them codes and the losses of its site. params: bootstrap, seed."""
    rows = []
    for sae, codes, losses in zip(input.saes, input.codes, input.losses, strict=True):
        who = identity(description(sae)["metadata"], open_codes(codes).summary)
        recovered = loss_recovered(losses_of(losses, who["sae"]), params.bootstrap, params.seed)
        rows.append(who | recovered)
    return {"table": pd.DataFrame(rows)}
