"""FVU and dead latents against training tokens, for every SAE trained in the run."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.panels import colours_of, legend_of
from workflow_scripts.anatomy.figures.style import log_ticks, new_figure

ROWS = (("fvu", "FVU in training"), ("dead", "Dead latents (%)"))
SIDE_BY_SIDE = 3  # sites


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `training_curves.csv`: a column of two panels per site, a line per SAE."""
    width = table["sae"].str.extract(r"-w(\d+)-")[0].astype(int)
    table = table.assign(width=width, dead=100 * table["dead_latents"] / width)
    colours = colours_of(width)
    sites = list(table.groupby(["model", "site"], sort=False))
    columns = min(SIDE_BY_SIDE, len(sites))
    bands = -(-len(sites) // columns)
    figure, axes = new_figure(
        columns, 2 * bands, "page" if columns > 1 else "column", 0.62, squeeze=False, sharex=True
    )
    # Two rows of a column at a time.
    pairs = [axes[2 * band : 2 * band + 2, at] for band in range(bands) for at in range(columns)]
    for number, (pair, ((model, site), part)) in enumerate(zip(pairs, sites, strict=False)):
        for panel, (column, label) in zip(pair, ROWS, strict=True):
            for _, curve in part.groupby("sae", sort=False):
                colour = colours[curve["width"].iloc[0]]
                panel.plot(curve["tokens"], curve[column], color=colour, linewidth=0.7)
            if number % columns == 0:
                panel.set_ylabel(label)
        pair[0].set_title(f"{model}\n{site}", fontsize=7)
        pair[1].set_xlabel("Training tokens")
        pair[1].tick_params(axis="x", labelbottom=True)
        pair[1].ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
        # The same axes for every site.
        log_ticks(pair[0], "y", table["fvu"])
        pair[1].set_ylim(0, max(1.0, 1.05 * table["dead"].max()))
    for pair in pairs[len(sites) :]:
        for panel in pair:
            panel.set_axis_off()
    legend_of(figure, colours)
    return figure
