"""Figure 16: per cent decrease in FVU from adding the nonlinear error's norm as a regressor."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig16.csv`."""
    figure, axes = new_figure(ratio=0.85)
    grid = table.pivot(index="width_small", columns="width_large", values="fvu_decrease")
    seaborn.heatmap(
        grid, ax=axes, annot=True, fmt=".1f", cmap="viridis", cbar_kws={"label": "Decrease in FVU (%)"},
        annot_kws={"size": 7},
    )  # fmt: skip
    axes.set_xlabel("Width of the larger SAE")
    axes.set_ylabel("Width of the smaller SAE")
    axes.tick_params(axis="y", rotation=0)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether the nonlinear error's norm helps to predict a larger SAE's error norm."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"fig16": table}

    def say(found: Measurement) -> Said:
        fall = f"what is left unexplained falls by {written(found, unit='%')} on average over pairs"
        return Said(
            f"The nonlinear error's norm helps to predict the error norm of a larger SAE: {fall}.",
            "The nonlinear error's norm does not help to predict the error norm of a larger SAE: "
            f"{fall}.",
            "Whether the nonlinear error's norm helps to predict the error norm of a larger SAE "
            f"is open: {fall}.",
        )

    return judged(claim_of(CLAIMS, "nonlinear_norm_helps"), tables, say)
