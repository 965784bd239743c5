"""Figure 10: histogram of maximum decoder cosines."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.canonical_units.figures.pairs import panels


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig10.csv`; the dashed line is the threshold for novel latents.

    Of a larger SAE for which nothing fires there is an empty panel.
    """
    figure, every = panels(table)
    for axes, name, part in every:
        filled = part[part["count"] > 0]
        width = np.diff(part["max_cosine"]).mean()
        axes.bar(
            part["max_cosine"], part["count"], width, align="edge", color=PALETTE[0], linewidth=0
        )
        axes.axvline(part["threshold"].iloc[0], color="grey", linestyle="--", linewidth=0.8)
        low = filled["max_cosine"].min() if len(filled) else part["threshold"].iloc[0]
        axes.set_xlim(low - width, 1.0 + width)
        novel, latents = part["novel_latents"].iloc[0], part["count"].sum()
        axes.set_title(f"{name}, novel: {novel} of {latents}")
        axes.set_xlabel("Maximum decoder cosine")
        axes.set_ylabel("Latents of the larger SAE")
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether a larger SAE has both latents like a smaller one's and novel ones."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig10": table}

    def say(found: Measurement) -> Said:
        share = f"the rarer kind is {written(found, 100, '%')} of them"
        alike = measurement_of(claim_of(CLAIMS, "many_latents_have_a_counterpart"), tables)
        return Said(
            f"A larger SAE has latents like those of a smaller one and novel ones: {share}.",
            "A larger SAE does not have both latents like those of a smaller one and novel ones: "
            f"{share}.",
            "Whether a larger SAE has both latents like those of a smaller one and novel ones is "
            f"open: {share}.",
            f"{written(alike, 100, '%')} have a counterpart.",
        )

    return judged(claim_of(CLAIMS, "both_kinds_of_latents"), tables, say)
