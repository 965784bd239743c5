"""Figure 14: MSE of both SAEs on tokens where a novel latent is active, and on the others."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.papers.canonical_units.figures.pairs import panels

MEAN = {"marker": "D", "markersize": 3, "markerfacecolor": "white", "markeredgecolor": "black"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig14.csv`: boxes over novel latents, without outliers; diamonds are means."""
    figure, every = panels(table, sharey=True)
    for axes, _, part in every:
        smaller, larger = (
            f"{part[f'width_{size}'].iloc[0]} latents" for size in ("small", "large")
        )
        long = part.melt(["active"], ["mse_small", "mse_large"], "SAE", "MSE")
        long["SAE"] = long["SAE"].map({"mse_small": smaller, "mse_large": larger})
        long["active"] = long["active"].map({True: "active", False: "inactive"})
        seaborn.boxplot(
            long,
            x="active",
            order=["inactive", "active"],
            y="MSE",
            hue="SAE",
            palette=PALETTE[:2],
            ax=axes,
            showfliers=False,
            showmeans=True,
            meanprops=MEAN,
            linewidth=0.7,
            width=0.6,
        )
        axes.set_xlabel("Novel latent of the larger SAE")
        axes.legend(loc="upper left")
    return figure
