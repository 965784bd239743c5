"""Figures 2, 10 and 11: contours over SAE width and L0, one row of three panels per site."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter, ScalarFormatter
from matplotlib.tri import LinearTriInterpolator, Triangulation

from workflow_scripts.anatomy.figures.style import new_figure

PANELS = (
    ("norm_r2", "Error norm $R^2$ (Eq. 10)"),
    ("error_r2", "Error vector $R^2$ (Eq. 11)"),
    ("fvu_nonlinear", r"$\mathrm{FVU_{nonlinear}}$ (Eq. 12)"),
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig2.csv`, `fig10.csv` or `fig11.csv`."""
    sites = list(table.groupby(["model", "site"], sort=False))
    figure, axes = new_figure(len(PANELS), len(sites), "page", ratio=0.82, squeeze=False)
    for row, ((model, site), part) in zip(axes, sites, strict=True):
        for panel, (column, label) in zip(row, PANELS, strict=True):
            filled = _contour(panel, part, column)
            panel.set_title(label)
            panel.set_xlabel("SAE width (latents)")
            if filled is not None:
                figure.colorbar(filled, ax=panel, shrink=0.9)
        row[0].set_ylabel(f"{model}\n{site}\nSAE $L_0$", fontsize=7)
    return figure


def _contour(axes, part: pd.DataFrame, column: str):
    """Linear interpolation between SAEs in log width and log L0; black dots where there is an SAE."""
    x, y = np.log(part["width"].to_numpy(float)), np.log(part["l0"].to_numpy(float))
    filled = None
    # Three SAEs that are not in a line are the least that spans a triangle.
    if len(part) >= 3 and np.linalg.matrix_rank(np.stack([x - x.mean(), y - y.mean()])) == 2:
        across, up = np.linspace(x.min(), x.max(), 120), np.linspace(y.min(), y.max(), 120)
        interpolate = LinearTriInterpolator(Triangulation(_scaled(x), _scaled(y)), part[column])
        surface = interpolate(*np.meshgrid(_scaled(across), _scaled(up)))
        filled = axes.contourf(np.exp(across), np.exp(up), surface, levels=12, cmap="viridis")
        axes.contour(np.exp(across), np.exp(up), surface, levels=12, colors="white", linewidths=0.3)
    axes.plot(
        part["width"], part["l0"], "o", color="black", markersize=2.5, clip_on=False, zorder=3
    )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(LogFormatterSciNotation(base=2))
    return filled


def _scaled(values: np.ndarray) -> np.ndarray:
    """To [0, 1], so that neither axis dominates the triangulation."""
    return (values - values.min()) / np.ptp(values)
