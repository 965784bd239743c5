"""Figure 20: decoder biases of the SAEs of a site: cosine, ratio of norms, and what exchange costs."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure

PANELS = {
    "cosine": ("Cosine of decoder biases", ".4f", "viridis"),
    "norm_ratio": ("Norm of the other over own", ".3f", "viridis"),
    "mse_change": ("Change in MSE, other bias (%)", ".2g", "rocket_r"),
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig20.csv`: rows are SAEs, columns the SAEs whose bias is compared or put in."""
    figure, every = new_figure(3, 1, "page", ratio=1.0)
    both = table[["sae", "width"]], table[["other", "width_other"]]
    saes = pd.DataFrame(np.concatenate(both), columns=["sae", "width"]).drop_duplicates("sae")
    saes = saes.sort_values(["width", "sae"])
    order, names = saes["sae"], list(saes["width"])
    for axes, (column, (title, digits, colours)) in zip(every, PANELS.items(), strict=True):
        grid = table.pivot(index="sae", columns="other", values=column)
        grid = grid.reindex(index=order, columns=order)
        # A cosine of 1 and one of 0.999 look alike, whatever the rest is.
        limits = {"vmin": min(0.9, np.nanmin(grid)), "vmax": 1} if column == "cosine" else {}
        seaborn.heatmap(
            grid,
            ax=axes,
            annot=True,
            fmt=digits,
            cmap=colours,
            annot_kws={"size": 5},
            cbar=False,
            square=True,
            xticklabels=names,
            yticklabels=names,
            **limits,
        )
        axes.set_title(title, fontsize=7)
        axes.set_xlabel("Other SAE (width)")
        axes.set_ylabel("SAE (width)" if column == "cosine" else "")
        axes.tick_params(axis="y", rotation=0)
    return figure
