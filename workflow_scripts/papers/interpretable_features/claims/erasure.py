"""Ablating latents removes a capability, and disrupts the model less than other ways of removing it."""

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, Tables
from workflow_scripts.anatomy.claims.measures import DOCUMENTS, chosen, highest, mean_column, said
from workflow_scripts.anatomy.claims.rule import at_least, negative

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


CLAIMS = [
    Claim(
        "latents_carry_a_capability",
        "Abstract",
        "Ablating latents removes a capability, such as to predict pronouns.",
        "removed",
        highest(["erasure"], "capability_lost", method="sae"),
        at_least(HALF),
        note="taken as half of it: the paper's abstract has no number, the threshold is ours",
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
