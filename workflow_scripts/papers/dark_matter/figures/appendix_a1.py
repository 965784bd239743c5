"""Appendix A.1: is the linear error only shrinkage? Norm ratio, and cosine of b*x with x."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure

PANELS = (
    ("norm_ratio", r"$\mathbb{E}\,\|\mathrm{Sae}(x)\| \,/\, \mathbb{E}\,\|x\|$"),
    ("cosine", r"Mean cosine of $b^* x$ with $x$"),
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `appendix_a1.csv`; one point per SAE, against its L0."""
    figure, axes = new_figure(2, 1, "page", ratio=0.62)
    for panel, (column, label) in zip(axes, PANELS, strict=True):
        for colour, (architecture, part) in zip(
            PALETTE, table.groupby("architecture", sort=False), strict=False
        ):
            spread = [part[column] - part[f"{column}_lo"], part[f"{column}_hi"] - part[column]]
            panel.errorbar(
                part["l0"],
                part[column],
                spread,
                fmt="o",
                color=colour,
                label=architecture,
                elinewidth=0.6,
            )
        panel.axhline(1, color="grey", linewidth=0.6, linestyle=":")
        panel.set_xscale("log")
        panel.set_xlabel("SAE $L_0$")
        panel.set_ylabel(label)
    axes[0].legend(loc="lower right", title="SAE")
    return figure
