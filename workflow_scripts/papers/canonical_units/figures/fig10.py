"""Figure 10: histogram of maximum decoder cosines."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE
from workflow_scripts.papers.canonical_units.figures.pairs import panels


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig10.csv`; the dashed line is the threshold for novel latents."""
    figure, every = panels(table)
    for axes, name, part in every:
        filled = part[part["count"] > 0]
        width = np.diff(part["max_cosine"]).mean()
        axes.bar(
            part["max_cosine"], part["count"], width, align="edge", color=PALETTE[0], linewidth=0
        )
        axes.axvline(part["threshold"].iloc[0], color="grey", linestyle="--", linewidth=0.8)
        axes.set_xlim(filled["max_cosine"].min() - width, 1.0 + width)
        novel, latents = part["novel_latents"].iloc[0], part["count"].sum()
        axes.set_title(f"{name}, novel: {novel} of {latents}")
        axes.set_xlabel("Maximum decoder cosine")
        axes.set_ylabel("Latents of the larger SAE")
    return figure
