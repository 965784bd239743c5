"""Appendix D: FVU and FVU_nonlinear of a masked sum of random directions, and the parabola."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure

ORDERS = {"importance": "least important first", "random": "random order"}
STYLES = {
    ":": "FVU",
    "-": "$\\mathrm{FVU}_\\mathrm{nonlinear}$",
    "--": "$a(1-a)$, for an absent share $a$",
}


def draw(table: pd.DataFrame) -> Figure:
    """Left: both FVUs against the ablated fraction. Right: against the variance that is absent."""
    figure, (left, right) = new_figure(columns=2, width="page", ratio=0.75)
    share = np.linspace(0, 1, 200)
    right.plot(share, share * (1 - share), color="0.5", linestyle="--")
    for colour, order in zip(PALETTE, ORDERS, strict=False):
        rows = table[table["order"] == order]
        over_seeds = rows.groupby("ablated_fraction")
        for column, style in (("fvu", ":"), ("fvu_nonlinear", "-")):
            mean, ends = over_seeds[column].mean(), over_seeds[column].agg(["min", "max"])
            left.plot(mean.index, mean, style, color=colour)
            left.fill_between(mean.index, ends["min"], ends["max"], color=colour, alpha=0.2, lw=0)
        absent = rows["absent_variance"]
        right.vlines(absent, rows["fvu_nonlinear_lo"], rows["fvu_nonlinear_hi"], colors=[colour])
        right.plot(absent, rows["fvu_nonlinear"], "o", color=colour)
    left.set(xlabel="fraction of features ablated", ylabel="fraction of variance unexplained")
    left.set_ylim(0, 1.05 * table["fvu"].max())
    right.set(
        xlabel="share of variance absent, $a$",
        ylabel="$\\mathrm{FVU}_\\mathrm{nonlinear}$",
        ylim=(0, None),
    )
    handles = [Line2D([], [], color=colour) for colour in PALETTE[: len(ORDERS)]]
    handles += [Line2D([], [], color="0.3", linestyle=style) for style in STYLES]
    labels = [*ORDERS.values(), *STYLES.values()]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure
