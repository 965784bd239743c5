"""Figure 4: change in MSE when a latent is added alone, against its maximum decoder cosine."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.canonical_units.pairs import panels
from workflow_scripts.anatomy.figures.style import PALETTE

SHOWN = (0.005, 0.995)  # quantiles of the changes; a few outliers would flatten the rest


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig4.csv`; latents that never fire are not shown."""
    figure, every = panels(table)
    for axes, _, part in every:
        part = part[part["activation_frequency"] > 0]
        for novel, label, colour in ((True, "novel", 0), (False, "reconstruction", 1)):
            group = part[part["novel"] == novel]
            helps = 100 * (group["delta_mse"] < 0).mean() if len(group) else 0
            axes.plot(
                group["max_cosine"],
                group["delta_mse"],
                ".",
                color=PALETTE[colour],
                markersize=3,
                alpha=0.6,
                markeredgewidth=0,
                rasterized=True,
                label=f"{label}: {helps:.0f} % of {len(group)} lower MSE",
            )
        axes.axhline(0, color="black", linewidth=0.6)
        axes.axvline(part["threshold"].iloc[0], color="grey", linestyle="--", linewidth=0.8)
        low, high = np.quantile(part["delta_mse"], SHOWN)
        margin = 0.1 * (high - low)
        axes.set_ylim(min(low, 0) - margin, max(high, 0) + 3 * margin)
        axes.set_xlabel("Maximum decoder cosine")
        axes.set_ylabel("Change in MSE")
        axes.ticklabel_format(axis="y", scilimits=(-3, 3))
        axes.legend(loc="upper left", markerscale=2)
    return figure
