"""FVU against L0: every SAE of the site, and principal and independent components."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.style import log_ticks, new_figure

STYLES = {"token": "-", "fixed": ":"}
SELECTIONS = {"token": "", "fixed": ", first ones"}
LINES = {"pca": ("PCA", "0.1"), "ica": ("ICA", "0.55")}
LEAST = 0.01  # of the FVU that is shown


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `pareto.csv`: dots are SAEs, lines components; bars and bands 95 % intervals."""
    figure, axes = new_figure()
    saes = table[table["method"] == "sae"]
    handles = []
    for about, part in by_architecture(saes):
        ends = [part["fvu"] - part["fvu_lo"], part["fvu_hi"] - part["fvu"]]
        axes.errorbar(
            part["l0"], part["fvu"], ends, fmt="o", color=about.colour, markersize=3, elinewidth=0.5
        )
        handles.append(
            Line2D([], [], marker="o", linestyle="", color=about.colour, label=about.label)
        )
    for (method, selection), part in table[table["method"] != "sae"].groupby(
        ["method", "selection"], sort=False
    ):
        label, colour = LINES[method]
        part = part[part["fvu"] > LEAST]
        axes.plot(part["l0"], part["fvu"], STYLES[selection], color=colour)
        axes.fill_between(
            part["l0"], part["fvu_lo"], part["fvu_hi"], color=colour, alpha=0.15, linewidth=0
        )
        name = f"{label}{SELECTIONS[selection]}"
        handles.append(Line2D([], [], linestyle=STYLES[selection], color=colour, label=name))
    log_ticks(axes, "x", table.loc[table["fvu"] > LEAST, "l0"])
    axes.set(xlabel="Active latents or components, $L_0$", ylabel="FVU", ylim=(0, None))
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure
