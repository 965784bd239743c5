"""FVU against L0 for every SAE: the plane in which SAEs are compared."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from workflow_scripts.anatomy.figures.style import new_figure


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `summary.csv`; one panel per site, colour for width, marker for architecture."""
    sites = list(table.groupby(["model", "site"], sort=False))
    columns = min(2, len(sites))
    rows = -(-len(sites) // columns)
    figure, axes = new_figure(columns, rows, "page", ratio=0.6, squeeze=False, sharey=True)
    widths = sorted(table["width"].unique())
    palette = dict(zip(widths, seaborn.color_palette("crest", len(widths)), strict=True))
    for panel, ((model, site), part) in zip(axes.flat, sites, strict=False):
        seaborn.scatterplot(
            part, x="l0", y="fvu", hue="width", style="architecture", palette=palette, ax=panel
        )
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_title(f"{model}, {site}")
        panel.set_xlabel("$L_0$")
        panel.set_ylabel("FVU")
        panel.set_ylim(0, None)
        panel.legend(fontsize=5.5)
    for panel in axes.flat[len(sites) :]:
        panel.set_axis_off()
    return figure
