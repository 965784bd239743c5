"""Latents are more interpretable than directions that other methods find."""

from workflow_scripts.anatomy.claims.claim import Claim, Measure, Measurement, Tables
from workflow_scripts.anatomy.claims.measures import chosen, mean_column, said
from workflow_scripts.anatomy.claims.rule import positive

RIVALS = {
    "ica": "independent components",
    "pca": "principal components",
    "basis": "the coordinates of the activation space",
    "random": "random directions",
}


def advantage(method: str) -> Measure:
    """Mean score of SAE latents minus that of another kind of direction."""

    def measure(tables: Tables) -> Measurement:
        rows = chosen(tables["autointerp_means"], method=method)
        return mean_column(rows, "advantage", "directions")

    return Measure(f"advantage ({said('autointerp_means', method=method)})", measure)


CLAIMS = [
    Claim(
        f"more_interpretable_than_{method}",
        "Abstract",
        f"SAE latents are more interpretable than {name}, as measured by automated methods.",
        "more",
        advantage(method),
        positive(),
        note="the score is the balanced accuracy of detection; every direction is as often active "
        "as one of the latents; the interval is over directions, with these documents as given: other "
        "texts, trainings of the SAE and explainers are not in it",
    )
    for method, name in RIVALS.items()
]
