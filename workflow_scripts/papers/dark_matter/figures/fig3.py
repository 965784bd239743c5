"""Figure 3: error norm R^2 against layer, for the SAE with L0 nearest the target at each layer."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    estimate_in,
    extreme,
    judged,
    written,
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig3.csv`; one line per model."""
    figure, axes = new_figure()
    for colour, (model, part) in zip(PALETTE, table.groupby("model", sort=False), strict=False):
        part = part.sort_values("layer")
        label = f"{model}, L0 ≈ {part['l0'].mean():.0f}"
        axes.plot(part["layer"], part["norm_r2"], "o-", color=colour, label=label)
        axes.fill_between(
            part["layer"],
            part["norm_r2_lo"],
            part["norm_r2_hi"],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    axes.set_ylim(min(0, table["norm_r2_lo"].min()), 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Layer")
    axes.set_ylabel("Error norm $R^2$")
    legend_above(axes, ncols=1)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether the error norm is linearly predictable at every layer."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig3": table}

    def say(found: Measurement) -> Said:
        low, high = written(found), written(estimate_in(extreme(table, "norm_r2", True), "norm_r2"))
        layers = len(table)
        return Said(
            f"At each of {layers} layers a linear probe predicts the squared error norm: R² is "
            f"{low} at worst and {high} at best.",
            f"Not at each of {layers} layers does a linear probe predict the squared error norm "
            f"well: R² is only {low} at worst, "
            f"and {high} at best.",
            f"Whether a linear probe predicts the squared error norm at each of {layers} layers "
            f"is open: R² is {low} at worst "
            f"and {high} at best.",
        )

    return judged(claim_of(CLAIMS, "norm_predictable"), tables, say)
