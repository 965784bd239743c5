"""A quantity against L0 for every SAE: the plane in which SAEs are compared."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.panels import small_multiples
from workflow_scripts.anatomy.figures.style import log_ticks

AREAS = (6, 40)  # square points, of the narrowest and of the widest SAE


def against_l0(table: pd.DataFrame, column: str, label: str) -> tuple[Figure, list[Axes]]:
    """Draw a column of a table with a row for each SAE: a panel per site, colour for architecture, area for width.

    Returns the figure and its panels, for what is to be drawn beside the dots.
    """
    table = table.assign(area=_areas(table["width"]))
    figure, panels = small_multiples(table, ["model", "site"], 0.75, "SAE $L_0$", label)
    drawn = []
    for panel, (model, site), part in panels:
        for about, saes in by_architecture(part):
            panel.scatter(
                saes["l0"],
                saes[column],
                s=saes["area"],
                color=about.colour,
                alpha=0.7,
                linewidths=0.4,
                edgecolors="white",
            )
        log_ticks(panel, "x", table["l0"])
        panel.set_title(f"{model}\n{site}", fontsize=7)
        drawn.append(panel)
    handles = [_dot(about.label, about.colour, 25) for about, _ in by_architecture(table)]
    ends = table.loc[[table["width"].idxmin(), table["width"].idxmax()]].drop_duplicates("width")
    handles += [_dot(f"{row.width} latents", "grey", row.area) for row in ends.itertuples()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure, drawn


def _areas(widths: pd.Series) -> pd.Series:
    """Areas that grow in step with doublings of the width."""
    doublings = np.log2(widths / widths.min())
    return AREAS[0] + (AREAS[1] - AREAS[0]) * doublings / max(doublings.max(), 1.0)


def _dot(label: str, colour: str, area: float) -> Line2D:
    size = area**0.5
    return Line2D(
        [],
        [],
        marker="o",
        linestyle="",
        color=colour,
        markersize=size,
        label=label,
        markeredgewidth=0,
    )
