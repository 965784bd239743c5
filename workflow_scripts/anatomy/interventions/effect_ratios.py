"""What stands for x beside random errors of its size, as every store has it."""

from collections.abc import Iterable

import pandas as pd

from workflow_scripts.anatomy.base.tables import with_draws
from workflow_scripts.anatomy.interventions.effect_means import about, effects_names, means_of, who
from workflow_scripts.anatomy.interventions.effects_store import open_effects

# What all others are measured by: a random direction, as far from x as Sae(x) is.
BASELINE = "epsilon_random"
# Random errors with the covariance of the SAE's.
ERRORS = "epsilon_errors"


def compared(effects: Iterable[str], draws: int, seed: int) -> pd.DataFrame:
    """A row for each store, in order.

    Columns: those that identify the SAE, subject, distance, cosine, norm; of what stands for x kl,
    ce_increase, ratio and ce_ratio to isotropic random errors, and ratio_errors to random errors with
    the covariance of the SAE's; and kl_random, KL of the isotropic ones.
    """
    rows = []
    for store in map(open_effects, effects):
        means = means_of(store, effects_names("sae", BASELINE, ERRORS), draws, seed)
        row = who(store, means) | {"subject": store.group.attrs["subject"]} | about(means)
        row |= means.columns("sae", BASELINE)
        row |= with_draws("kl_random", means.mean(f"kl/{BASELINE}"))
        row |= with_draws("ratio_errors", means.ratio("kl/sae", f"kl/{ERRORS}"))
        rows.append(row)
    return pd.DataFrame(rows)
