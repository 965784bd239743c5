"""Figure 9a: figure 1 for codes from gradient pursuit on the SAE's decoder, beside the SAE's own."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure


def draw(table: pd.DataFrame, fit: pd.DataFrame) -> Figure:
    """Draw from `fig9a.csv` and `fig9a_fit.csv`."""
    figure, axes = new_figure(width="column", ratio=0.9)
    series = (
        ("fvu", "Sae(x)", PALETTE[0], "o-"),
        ("fvu_pursuit", "Pursuit(x)", PALETTE[9], "o--"),
        ("fvu_nonlinear", "Sae(x) + b*x", PALETTE[1], "s-"),
        ("fvu_nonlinear_pursuit", "Pursuit(x) + b*x", PALETTE[3], "s--"),
    )
    for column, label, colour, style in series:
        axes.plot(table["width"], table[column], style, color=colour, label=label)
        axes.fill_between(
            table["width"],
            table[f"{column}_lo"],
            table[f"{column}_hi"],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    law = fit.set_index("codes").loc["pursuit"]
    widths = np.geomspace(table["width"].min(), table["width"].max() * 10, 200)
    axes.plot(widths, law["c"] + law["a"] * widths ** -law["m"], ":", color=PALETTE[9])
    axes.plot(widths, np.full_like(widths, law["horizontal"]), ":", color=PALETTE[3])
    axes.set_xscale("log", base=2)
    axes.set_ylim(0, None)
    axes.set_xlabel("SAE width (latents)")
    axes.set_ylabel("Fraction of variance unexplained")
    axes.legend(loc="upper right")
    return figure
