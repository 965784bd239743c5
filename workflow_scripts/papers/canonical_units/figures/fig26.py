"""Figure 26: targeted probe perturbation against dictionary size, a line for each number of latents."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from seaborn import color_palette

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.canonical_units.figures.by_width import panels_by_width

MOST_LINES, APART = 8, 1.07


def draw(table: pd.DataFrame) -> Figure:
    """Draw `tpp` from `fig26.csv`; 95 % intervals over test documents."""
    figure, panels = panels_by_width(table, "$S_{TPP}$ (Eq. 12)")
    numbers = sorted(table["n_ablated"].unique())
    numbers = numbers[:: max(1, -(-len(numbers) // MOST_LINES))]
    colours = dict(zip(numbers, color_palette("flare", len(numbers)), strict=True))
    # So far beside each other that no bar hides another.
    shifts = np.geomspace(1 / APART, APART, len(numbers)) if len(numbers) > 1 else [1.0]
    for axes, part in panels:
        for (number, colour), shift in zip(colours.items(), shifts, strict=True):
            line = part[part["n_ablated"] == number]
            value = line["tpp"]
            spread = np.abs([value - line["tpp_lo"], line["tpp_hi"] - value])
            beside = line["width"] * shift
            axes.errorbar(beside, value, spread, fmt="o-", color=colour, elinewidth=0.7)
        axes.axhline(0, color="grey", linestyle=":", linewidth=0.8)
    handles = [Line2D([], [], color=c, marker="o", label=f"{n}") for n, c in colours.items()]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(handles) or 1,
        title="Latents ablated for a class",
    )
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether targeted probe perturbation falls with the size of the SAE."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig26": table}

    def say(found: Measurement) -> Said:
        trend = f"per doubling it changes by {written(found)} on average over data sets"
        return Said(
            f"Targeted probe perturbation falls with the size of the SAE: {trend}.",
            f"Targeted probe perturbation does not fall with the size of the SAE: {trend}.",
            f"Whether targeted probe perturbation falls with the size of the SAE is open: {trend}.",
        )

    return judged(claim_of(CLAIMS, "tpp_falls_with_size"), tables, say)
