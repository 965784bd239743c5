"""Figure 23: variance explained by a meta-SAE with its own, an SAE's, and random directions."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig23.csv`: a bar for what the directions are, a dot per seed; pursuit as lines."""
    pursued = table["replaced"].str.startswith("pursuit")
    shown = list(dict.fromkeys(table.loc[~pursued, "replaced"]))
    figure, axes = new_figure(ratio=0.8)
    for at, replaced in enumerate(shown):
        part = table[table["replaced"] == replaced]
        value = part["variance_explained"]
        axes.bar(at, value.mean(), 0.7, color=_colour(replaced), linewidth=0)
        ends = [value - part["variance_explained_lo"], part["variance_explained_hi"] - value]
        spread = 0.1 * np.arange(len(part))
        axes.errorbar(at + spread - spread.mean(), value, yerr=ends, fmt="o", color="black")
    for _, row in table[pursued].iterrows():
        axes.axhline(row["variance_explained"], color=PALETTE[3], linestyle="--", linewidth=0.8)
        axes.text(
            0.99,
            row["variance_explained"] + 0.01,
            f"pursuit on {row['replaced'].split('_')[1]} latents",
            transform=axes.get_yaxis_transform(),
            ha="right",
            fontsize=6,
            color=PALETTE[3],
        )
    axes.set_xticks(range(len(shown)), [_label(replaced) for replaced in shown])
    axes.set(ylabel="Variance explained", xlabel="Directions of the meta-latents", ylim=(0, 1))
    return figure


def _colour(replaced: str) -> str:
    return {"none": PALETTE[0], "random": PALETTE[7]}.get(replaced, PALETTE[2])


def _label(replaced: str) -> str:
    if replaced.startswith("nearest"):
        return f"nearest of\n{replaced.split('_')[1]} latents"
    return {"none": "their own"}.get(replaced, replaced)


def finding(table: pd.DataFrame) -> Finding:
    """Whether latents of a smaller SAE do for the directions of a meta-SAE."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig23": table}

    def say(found: Measurement) -> Said:
        own = table.loc[table["replaced"] == "none", "variance_explained"].mean()
        lost = measurement_of(claim_of(CLAIMS, "replaced_directions_lose_little"), tables)
        gain = f"{written(found, 100)} points of variance"
        return Said(
            "With the nearest latents of a smaller SAE as its directions a meta-SAE explains "
            f"{gain} more "
            "than with random ones, so larger latents are partly made of smaller ones.",
            "With the nearest latents of a smaller SAE as its directions a meta-SAE explains no "
            "more than "
            f"with random ones: the difference is {gain}.",
            "Whether latents of a smaller SAE do better than random directions for a meta-SAE is "
            "open: "
            f"the difference is {gain}.",
            f"With its own it explains {written(Measurement(own), 100, '%')}, of which they lose "
            f"{written(lost, 100, '%')}.",
        )

    return judged(claim_of(CLAIMS, "larger_saes_composed_of_smaller"), tables, say)
