"""Figure 1: the breakdown of SAE error against SAE width, extrapolated ten times wider."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure

EXTRAPOLATION = 10


def draw(table: pd.DataFrame, fit: pd.DataFrame) -> Figure:
    """Draw from `fig1.csv` and `fig1_fit.csv`."""
    figure, axes = new_figure(width="page", ratio=0.55)
    draw_breakdown(axes, table, fit)
    return figure


def draw_breakdown(axes, table: pd.DataFrame, fit: pd.DataFrame) -> None:
    """FVU, its power law, the level of FVU_nonlinear with and without pursuit, and the regions between."""
    fits = fit.set_index("codes")
    law = fits.loc["sae"]
    measured = np.geomspace(table["width"].min(), table["width"].max(), 200)
    beyond = np.geomspace(measured[-1], measured[-1] * EXTRAPOLATION, 100)
    everywhere = np.concatenate([measured, beyond])
    curve = law["c"] + law["a"] * everywhere ** -law["m"]
    nonlinear = law["horizontal"]
    pursued = min(fits.loc["pursuit", "horizontal"], nonlinear)
    floor = max(law["c"], nonlinear)
    regions = [
        ("Absent features", floor, np.maximum(curve, floor), PALETTE[0]),
        ("Linear error", nonlinear, floor, PALETTE[2]),
        ("Encoder error", pursued, nonlinear, PALETTE[1]),
        ("Nonlinear error", 0, pursued, PALETTE[3]),
    ]
    for label, low, high, colour in regions:
        axes.fill_between(everywhere, low, high, color=colour, alpha=0.25, linewidth=0, label=label)
    for widths, style in ((measured, "-"), (beyond, ":")):
        axes.plot(widths, law["c"] + law["a"] * widths ** -law["m"], style, color=PALETTE[0])
        for level, colour in ((nonlinear, PALETTE[1]), (pursued, PALETTE[3])):
            axes.plot(widths, np.full_like(widths, level), style, color=colour)
        axes.plot(widths, np.full_like(widths, law["c"]), ":", color=PALETTE[7], linewidth=0.8)
    points = (
        ("fvu", "Sae(x)", PALETTE[0], "o"),
        ("fvu_nonlinear", "Sae(x) + b*x", PALETTE[1], "s"),
        ("fvu_nonlinear_pursuit", "Pursuit(x) + b*x", PALETTE[3], "^"),
    )
    for column, label, colour, marker in points:
        spread = [table[column] - table[f"{column}_lo"], table[f"{column}_hi"] - table[column]]
        axes.errorbar(
            table["width"],
            table[column],
            np.abs(spread),
            fmt=marker,
            color=colour,
            label=label,
            capsize=2,
        )
    axes.set_xscale("log", base=2)
    axes.set_xlim(measured[0], beyond[-1])
    axes.set_ylim(0, None)
    axes.set_xlabel("SAE width (latents)")
    axes.set_ylabel("Fraction of variance unexplained")
    axes.set_title(f"{table['model'][0]}, {table['site'][0]}, L0 ≈ {table['l0'].mean():.0f}")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
