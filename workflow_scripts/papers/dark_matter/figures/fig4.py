"""Figure 4: heat map of how well error norms of larger SAEs follow from those of smaller ones."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    estimate_in,
    extreme,
    judged,
    measurement_of,
    written,
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig4.csv`: R^2 of the scalar c* of Eq. 13."""
    figure, axes = new_figure(ratio=0.85)
    grid = table.pivot(index="width_small", columns="width_large", values="r2")
    bar = {"label": "$R^2$ of $c^*$"}
    seaborn.heatmap(
        grid, ax=axes, annot=True, fmt=".2f", cmap="viridis", cbar_kws=bar, annot_kws={"size": 7}
    )
    axes.set_xlabel("Width of the larger SAE")
    axes.set_ylabel("Width of the smaller SAE")
    axes.tick_params(axis="y", rotation=0)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether a smaller SAE's error norms tell a larger one's."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig4": table}

    def say(found: Measurement) -> Said:
        low, high = written(found), written(estimate_in(extreme(table, "r2", True), "r2"))
        pairs = f"{len(table)} pair{'s' * (len(table) > 1)}"
        apart = measurement_of(claim_of(CLAIMS, "prediction_falls_with_distance"), tables)
        what = "a smaller SAE's squared error norms"
        return Said(
            f"In each of {pairs} {what} predict a larger one's: R² is {low} at worst and {high} "
            "at best.",
            f"Not in each of {pairs} do {what} predict a larger one's: R² is only {low} at worst, "
            "and "
            f"{high} at best.",
            f"Whether {what} predict a larger one's in each of {pairs} is open: R² is {low} at "
            "worst "
            f"and {high} at best.",
            ""
            if apart.value != apart.value
            else f"Per doubling of the ratio of widths R² changes by {written(apart)}.",
        )

    return judged(claim_of(CLAIMS, "error_norms_predict_larger"), tables, say)
