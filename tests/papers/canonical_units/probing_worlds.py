"""Tables of the probes: in which the paper's claims about them are true, and in which they are not."""

from itertools import product

import numpy as np
import pandas as pd

from tests.papers.changes import Change, all_of, every
from tests.papers.dark_matter.worlds import with_ends
from workflow_scripts.papers.canonical_units.claims.paper import GPT2

WHERE = {"model": GPT2[0], "site": "blocks.8.hook_resid_pre", "l0": 40.0, "seed": np.nan}
WIDTHS = (768, 1536, 3072)
SETS = ("reviews", "languages", "news")


def accuracies(k: int, trends, leads, over_fewest: float) -> pd.DataFrame:
    """trends: of each data set; leads: of each width, on the data set of the same place."""
    rows = []
    for at, dataset in enumerate(SETS):
        for place, width in enumerate(WIDTHS):
            lead = leads[place] if place == at else -abs(leads[place]) - 0.01
            rows.append(
                WHERE
                | {"sae": f"w{width}", "width": width, "dataset": dataset, "classes": 2}
                | {"k_latents": k, "majority": 0.5, "dense": 0.9}
                | {"accuracy": 0.7 + trends[at] * np.log2(width / WIDTHS[0])}
                | {"accuracy_trend": trends[at], "accuracy_lead": lead}
                | {"over_fewest": over_fewest}
            )
    names = ("accuracy", "dense", "accuracy_trend", "accuracy_lead", "over_fewest")
    return with_ends(pd.DataFrame(rows), *names)


def perturbations(trend: float, step: float) -> pd.DataFrame:
    """step: from the second to the third width, of ten latents ablated."""
    rows = []
    for dataset, number, (place, width) in product(SETS, (2, 10), enumerate(WIDTHS)):
        own = trend if place == 1 or number == 2 else step
        rows.append(
            WHERE
            | {"sae": f"w{width}", "width": width, "dataset": dataset, "n_ablated": number}
            | {"tpp": -0.1 + place * trend, "tpp_step": own if place else np.nan}
            | {"tpp_trend": trend}
        )
    table = pd.DataFrame(rows)
    names = ["tpp", "tpp_step", "tpp_trend"]
    for name in names:
        table[name.replace("tpp", "tpp_drop")] = -table[name]
    return with_ends(table, *names, *(name.replace("tpp", "tpp_drop") for name in names))


def paper_world() -> dict[str, pd.DataFrame]:
    """Every claim holds."""
    return {
        "fig24": accuracies(1, (0.02, -0.03, 0.001), (0.02, 0.01, -0.02), 0.0),
        "fig25": accuracies(50, (0.02, -0.03, 0.001), (0.02, 0.01, -0.02), 0.1),
        "fig26": perturbations(-0.02, 0.01),
    }


def opposite_world() -> dict[str, pd.DataFrame]:
    """Every claim fails, the last in `excessive_world`."""
    return {
        "fig24": accuracies(1, (0.02, 0.03, 0.01), (0.02, -0.01, -0.02), 0.0),
        "fig25": accuracies(50, (0.02, 0.03, 0.01), (0.02, -0.01, -0.02), -0.1),
        "fig26": perturbations(0.02, 0.03),
    }


def excessive_world() -> dict[str, pd.DataFrame]:
    """As `opposite_world`, but for scores that fall at every step."""
    return opposite_world() | {"fig26": perturbations(-0.02, -0.01)}


CONTRADICTIONS: dict[str, Change | tuple[Change, ...]] = {
    "probing_depends_on_data_set": (
        # All rise, or all fall.
        every("fig24", "accuracy_trend", 0.005, dataset="languages"),
        all_of(
            every("fig24", "accuracy_trend", -0.005, dataset="reviews"),
            every("fig24", "accuracy_trend", -0.001, dataset="news"),
        ),
    ),
    "more_latents_probe_better": every("fig25", "over_fewest", -0.005),
    "no_size_is_best": every("fig24", "accuracy_lead", -0.005, width=1536),
    "tpp_falls_with_size": every("fig26", "tpp_trend", 0.005),
    "tpp_not_monotonic": every("fig26", "tpp_step", -0.005),
}
