"""Histogram of how often latents fire, one panel per site."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `densities.csv`; latents that never fire are not shown."""
    sites = list(table.groupby(["model", "site"], sort=False))
    columns = min(2, len(sites))
    rows = -(-len(sites) // columns)
    figure, axes = new_figure(columns, rows, "page", ratio=0.6, squeeze=False, sharex=True)
    for panel, ((model, site), part) in zip(axes.flat, sites, strict=False):
        saes = part["sae"].unique()
        for colour, sae in zip(seaborn.color_palette("crest", len(saes)), saes, strict=True):
            counts = part[part["sae"] == sae]
            share = counts["count"] / counts["count"].sum()
            panel.step(
                10 ** counts["log10_density"],
                share,
                where="post",
                color=colour,
                linewidth=0.8,
                label=sae,
            )
        panel.set_xscale("log")
        panel.set_title(f"{model}, {site}")
        panel.set_xlabel("Share of tokens on which a latent fires")
        panel.set_ylabel("Share of living latents")
        panel.legend(fontsize=4.5, ncol=2 if len(saes) > 8 else 1)
    for panel in axes.flat[len(sites) :]:
        panel.set_axis_off()
    return figure
