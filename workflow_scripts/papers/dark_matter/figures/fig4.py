"""Figure 4: heat map of how well error norms of larger SAEs follow from those of smaller ones."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure


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
