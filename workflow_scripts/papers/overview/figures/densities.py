"""Histogram of how often latents fire, one panel per site and architecture."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.panels import colours_of, legend_of, small_multiples
from workflow_scripts.anatomy.setup.architectures import KNOWN, present


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `densities.csv`: a line per SAE. Latents that never fire are not shown."""
    present(table["architecture"], "column architecture of densities.csv")
    colours = colours_of(table["width"])
    # Architectures of one site are side by side.
    of_sites = table.groupby(["model", "site"], sort=False)
    table = pd.concat([rows for _, rows in of_sites]) if len(table) else table
    living = table.groupby(["model", "site", "sae"])["count"].transform("sum").clip(lower=1)
    table = table.assign(share=table["count"] / living)
    lowest = table.loc[table["count"] > 0, "log10_density"].min()
    by = ["model", "site", "architecture"]
    labels = "Share of tokens", "Share of latents"
    figure, panels = small_multiples(table, by, 0.7, *labels)
    for panel, (model, site, architecture), part in panels:
        for _, counts in part.groupby("sae", sort=False):
            panel.step(
                10 ** counts["log10_density"],
                counts["share"],
                where="post",
                color=colours[counts["width"].iloc[0]],
                linewidth=0.7,
            )
        panel.set_xscale("log")
        if np.isfinite(lowest):
            panel.set_xlim(10 ** (lowest - 0.25), 1)
        panel.set_ylim(0, 1.05 * table["share"].max() or 1)
        panel.set_title(f"{model}, {KNOWN[architecture].label}\n{site}", fontsize=7)
    legend_of(figure, colours)
    return figure
