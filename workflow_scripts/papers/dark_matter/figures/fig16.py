"""Figure 16: per cent decrease in FVU from adding the nonlinear error's norm as a regressor."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure


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
