"""Figure 18: change of MSE while novel latents are added in random order."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.papers.canonical_units.figures.pairs import panels


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig18.csv`: one line per order. Bands: 95 % intervals over documents."""
    figure, every = panels(table)
    for axes, _, part in every:
        for order, line in part.groupby("order"):
            colour = PALETTE[order % len(PALETTE)]
            axes.plot(line["n_added"], line["mse_change"], color=colour, linewidth=0.9)
            axes.fill_between(
                line["n_added"],
                line["mse_change_lo"],
                line["mse_change_hi"],
                color=colour,
                alpha=0.1,
                linewidth=0,
            )
        axes.axhline(0, color="grey", linewidth=0.6)
        axes.set_xlabel("Novel latents added")
        axes.set_ylabel("Change in MSE (%)")
    return figure
