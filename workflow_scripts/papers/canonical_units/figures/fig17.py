"""Figure 17: effects on MSE and L0 of swapping latents of a larger SAE into a smaller one."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    extreme,
    judged,
    measurement_of,
    written,
)
from workflow_scripts.papers.canonical_units.figures.boxes import boxes
from workflow_scripts.papers.canonical_units.figures.pairs import by_pair


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig17.csv`: boxes over swaps, without outliers; diamonds are means."""
    figure, both = new_figure(2, 1, "page", ratio=0.65)
    pairs = by_pair(table)
    for axes, column, label in zip(both, ("mse", "l0"), ("MSE", "L0"), strict=True):
        changes = [part[f"delta_{column}_percent"] for _, part in pairs]
        boxes(axes, changes, np.arange(len(pairs)), 0.55, PALETTE[0])
        axes.axhline(0, color="grey", linewidth=0.6)
        names = [f"{name}\n{len(part)} swaps" for name, part in pairs]
        axes.set_xticks(range(len(pairs)), names, fontsize=7 if len(pairs) < 4 else 5.5)
        axes.set_xlim(-0.6, max(len(pairs), 1) - 0.4)
        axes.set_xlabel("Widths of the pair")
        axes.set_ylabel(f"Change in {label} per swap (%)")
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether swaps raise the error."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig17": table}

    def say(found: Measurement) -> Said:
        share = f"{written(found, 100, '%')} of {len(table)} do"
        most = extreme(table, "delta_mse_percent", True)["delta_mse_percent"]
        lower = measurement_of(claim_of(CLAIMS, "swaps_almost_always_lower_l0"), tables)
        return Said(
            f"Most swaps of components raise the MSE: {share}.",
            f"Most swaps of components do not raise the MSE: {share}.",
            f"Whether most swaps of components raise the MSE is open: {share}.",
            f"The largest change is {most:.2g} %; {written(lower, 100, '%')} lower the L0.",
        )

    return judged(claim_of(CLAIMS, "swaps_generally_raise_mse"), tables, say)
