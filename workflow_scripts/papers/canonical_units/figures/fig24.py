"""Figures 24 and 25: accuracy of sparse probes against dictionary size, a panel for each data set."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.papers.canonical_units.figures.by_width import panels_by_width


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig24.csv` or `fig25.csv`; 95 % intervals over test documents."""
    figure, panels = panels_by_width(table, "Accuracy")
    for axes, part in panels:
        value = part["accuracy"]
        spread = np.abs([value - part["accuracy_lo"], part["accuracy_hi"] - value])
        axes.errorbar(part["width"], value, spread, fmt="o-", color=PALETTE[0], elinewidth=0.7)
        axes.axhline(part["dense"].iloc[0], color=PALETTE[1], linestyle="--", linewidth=1)
        axes.axhline(part["majority"].iloc[0], color="grey", linestyle=":", linewidth=1)
        axes.set_ylim(min(0.45, table["accuracy_lo"].min()) - 0.02, 1.02)
    counts = sorted(table["k_latents"].unique())
    latents = f"{counts[-1]} latent{'s' if counts[-1] > 1 else ''}" if counts else "latents"
    handles = [
        Line2D(
            [],
            [],
            color=PALETTE[0],
            marker="o",
            label=f"probe on {latents}",
        ),
        Line2D([], [], color=PALETTE[1], linestyle="--", label="probe on the activations"),
        Line2D([], [], color="grey", linestyle=":", label="most frequent class"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure
