"""Ablating latents removes a capability, and disrupts the model less than other ways of removing it."""

from dataclasses import replace

import pandas as pd

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.measures import (
    DOCUMENTS,
    chosen,
    combination,
    mean_column,
    said,
)
from workflow_scripts.anatomy.claims.rule import negative, positive

HALF, MOST = 0.5, 0.9
RIVALS = {
    "leace": "LEACE",
    "mean_difference": "projecting out the difference of means",
    "pca": "ablating principal components",
    "random": "ablating random directions",
}


def log_ratio(method: str, level: float) -> Measure:
    """log of KL elsewhere under ablated latents over that of another method, at equal removal."""

    def measure(tables: Tables) -> Measurement:
        rows = chosen(tables["erasure_matched"], method=method, level=level)
        return mean_column(rows, "log_ratio", DOCUMENTS)

    return Measure(f"log_ratio ({said('erasure_matched', method=method, level=level)})", measure)


def fewest_latents(table: pd.DataFrame) -> int | None:
    """The smallest number of latents without which half of the capability is gone; None where it never is.

    table: `erasure.csv`.
    """
    enough = table[(table["method"] == "sae") & (table["capability_lost"] >= HALF)]
    return None if enough.empty else int(enough["n_ablated"].min())


def _more_than_random(tables: Tables) -> Measurement:
    """What the fewest latents that remove half of the capability remove of it beyond as many random directions."""
    table = tables["erasure"]
    fewest = fewest_latents(table)
    if fewest is None:
        raise NotTestable("no number of latents removes half of the capability")
    table = table[table["n_ablated"] == fewest]
    if not (table["method"] == "random").any():
        raise NotTestable(f"table erasure has no row of {fewest} random directions")
    table = table[table["method"].isin(["sae", "random"])].reset_index(drop=True)
    own = (table["method"] == "sae").to_numpy()
    found = combination(table, "capability_lost", own / own.sum() - ~own / (~own).sum())
    of_latents, of_random = (table.loc[side, "capability_lost"].mean() for side in (own, ~own))
    latents = f"{fewest} {'latent removes' if fewest == 1 else 'latents remove'} {of_latents:.2g}"
    return replace(found, detail=f"{latents}, as many random directions {of_random:.2g}")


CLAIMS = [
    Claim(
        "latents_carry_a_capability",
        "Abstract",
        "Ablating latents removes a capability, such as to predict pronouns: more of it than as many "
        "random directions.",
        "removed",
        Measure(
            "capability_lost of sae minus that of random, both at the smallest n_ablated at which sae "
            "removes half (erasure)",
            _more_than_random,
        ),
        positive(),
        note="at large numbers anything removes it, so it is compared where half of it is gone, which is "
        "our choice; latents and random directions are put in order by one rule",
    ),
    *(
        Claim(
            f"less_disruption_than_{method}",
            "Abstract",
            f"Ablating latents until half of a capability is gone disrupts the model less than {name}.",
            "less",
            log_ratio(method, HALF),
            negative(),
            note="KL at all tokens but those of the capability; half is our choice",
        )
        for method, name in RIVALS.items()
    ),
    Claim(
        "less_disruption_than_leace_to_the_end",
        "Abstract",
        "Ablating latents until nine tenths of a capability are gone disrupts the model less than LEACE.",
        "less",
        log_ratio("leace", MOST),
        negative(),
        note="nine tenths are our choice; infinite where the latents do not remove as much",
    ),
]
