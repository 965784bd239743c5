"""Figure 17: effects on MSE and L0 of swapping latents of a larger SAE into a smaller one."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.papers.canonical_units.figures.pairs import by_pair

MEAN = {"marker": "D", "markersize": 3, "markerfacecolor": "white", "markeredgecolor": "black"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig17.csv`: boxes over swaps, without outliers; diamonds are means."""
    figure, both = new_figure(2, 1, "page", ratio=0.6)
    pairs = by_pair(table)
    for axes, column, label in zip(both, ("mse", "l0"), ("MSE", "L0"), strict=True):
        seaborn.boxplot(
            [part[f"delta_{column}_percent"].to_numpy() for _, part in pairs],
            color=PALETTE[0],
            ax=axes,
            showfliers=False,
            showmeans=True,
            meanprops=MEAN,
            linewidth=0.7,
            width=0.5,
        )
        axes.axhline(0, color="grey", linewidth=0.6)
        axes.set_xticks(range(len(pairs)), [f"{name}\n{len(part)} swaps" for name, part in pairs])
        axes.set_ylabel(f"Change in {label} per swap (%)")
    return figure
