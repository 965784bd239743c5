"""Figure 23: variance explained by a meta-SAE with its own, an SAE's, and random directions."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

COLOURS = {"none": PALETTE[0], "nearest": PALETTE[2], "random_latents": PALETTE[1]}
LABELS = {
    "none": "their\nown",
    "nearest": "nearest\nof {}\nlatents",
    "random_latents": "random\nof {}\nlatents",
    "same_covariance": "random,\nsame co-\nvariance",
    "random": "random,\niso-\ntropic",
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig23.csv`: a bar for what the directions are, a dot per seed; pursuit as lines."""
    pursued = table["replaced"].str.startswith("pursuit")
    shown = list(dict.fromkeys(table.loc[~pursued, "replaced"]))
    figure, axes = new_figure(ratio=0.85)
    for at, replaced in enumerate(shown):
        part = table[table["replaced"] == replaced]
        value = part["variance_explained"]
        axes.bar(at, value.mean(), 0.7, color=COLOURS.get(_kind(replaced), PALETTE[7]), linewidth=0)
        ends = [value - part["variance_explained_lo"], part["variance_explained_hi"] - value]
        spread = 0.1 * np.arange(len(part))
        axes.errorbar(at + spread - spread.mean(), value, yerr=ends, fmt="o", color="black")
    for at, (_, row) in enumerate(table[pursued].iterrows()):
        width = row["replaced"].split("_")[1]
        style = ("--", ":", "-.")[at % 3]
        label = f"pursuit on {width} latents"
        axes.axhline(row["variance_explained"], color=PALETTE[3], linestyle=style, label=label)
    if pursued.any():
        legend_above(axes, ncols=1)
    axes.set_xticks(range(len(shown)), [_label(replaced) for replaced in shown], fontsize=6)
    axes.set(ylabel="Variance explained", xlabel="Directions of the meta-latents", ylim=(0, 1))
    return figure


def _kind(replaced: str) -> str:
    """What directions are, without the width of the SAE that they are of."""
    return replaced.rsplit("_", 1)[0] if replaced[-1:].isdigit() else replaced


def _label(replaced: str) -> str:
    return LABELS.get(_kind(replaced), replaced).format(replaced.rsplit("_", 1)[-1])


def finding(table: pd.DataFrame) -> Finding:
    """Whether latents of a smaller SAE do for the directions of a meta-SAE."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig23": table}

    def say(found: Measurement) -> Said:
        own = table.loc[table["replaced"] == "none", "variance_explained"].mean()
        lost = measurement_of(claim_of(CLAIMS, "replaced_directions_lose_little"), tables)
        matters = claim_of(CLAIMS, "resemblance_matters")
        gain = f"{written(found, 100)} points of variance"
        nearest = "With the nearest latents of a smaller SAE as its directions a meta-SAE"
        return Said(
            f"{nearest} explains {gain} more than with random ones of the same covariance.",
            f"{nearest} explains no more than with random ones of the same covariance: the difference is "
            f"{gain}.",
            "Whether latents of a smaller SAE do better than random directions of the same covariance for "
            f"a meta-SAE is open: the difference is {gain}.",
            f"With its own it explains {written(Measurement(own), 100, '%')}; the nearest latents lose "
            f"{written(lost, 100, '%')} of what that is more than random, and explain "
            f"{written(measurement_of(matters, tables), 100)} points more than as many random latents of "
            "that SAE.",
        )

    return judged(claim_of(CLAIMS, "larger_saes_composed_of_smaller"), tables, say)
