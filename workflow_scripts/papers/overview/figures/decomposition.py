"""How much of the error of each SAE is linear in the activation, against L0."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, log_ticks, new_figure

PANELS = (
    ("Fraction of variance unexplained", {"fvu": "SAE", "fvu_nonlinear": "SAE and $b^* x$"}),
    ("$R^2$ from the activation", {"error_r2": "error vector", "norm_r2": "error norm"}),
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `decomposition.csv`; one dot per SAE and quantity."""
    figure, axes = new_figure(2, 1, "page", ratio=0.7, sharex=True)
    for panel, (label, quantities) in zip(axes, PANELS, strict=True):
        _dots(panel, table, quantities)
        log_ticks(panel, "x", table["l0"])
        panel.set_ylim(0, None)
        panel.set_xlabel("SAE $L_0$")
        panel.set_ylabel(label)
        legend_above(panel)
    return figure


def _dots(panel: Axes, table: pd.DataFrame, quantities: dict[str, str]) -> None:
    for number, (column, label) in enumerate(quantities.items()):
        value = table[column]
        ends = [value - table[f"{column}_lo"], table[f"{column}_hi"] - value]
        colour = PALETTE[number]
        panel.errorbar(
            table["l0"],
            value,
            yerr=[end.clip(lower=0) for end in ends],
            fmt="o",
            markersize=3,
            color=colour,
            markerfacecolor=colour if number else "white",
            linewidth=0.6,
            label=label,
        )
