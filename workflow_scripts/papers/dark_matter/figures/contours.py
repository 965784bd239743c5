"""Figures 2, 10 and 11: scores over SAE width and L0, one row of three panels per site."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator
from matplotlib.tri import LinearTriInterpolator, Triangulation

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import log_ticks, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    estimate_in,
    extreme,
    judged,
    measurement_of,
    written,
)

PANELS = (
    ("norm_r2", "Error norm $R^2$ (Eq. 10)"),
    ("error_r2", "Error vector $R^2$ (Eq. 11)"),
    ("fvu_nonlinear", r"$\mathrm{FVU_{nonlinear}}$ (Eq. 12)"),
)

# With fewer SAEs, a surface would be mostly guesswork: they are dots of the colour of their value.
SURFACE_FROM = 9


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig2.csv`, `fig10.csv` or `fig11.csv`; an SAE for which nothing fires is not shown."""
    sites = list(table.groupby(["model", "site"], sort=False))
    figure, axes = new_figure(len(PANELS), len(sites), "page", ratio=0.9, squeeze=False)
    for row, ((model, site), part) in zip(axes, sites, strict=True):
        part = part[part["l0"] > 0]
        for panel, (column, label) in zip(row, PANELS, strict=True):
            coloured = _contour(panel, part, column) if _spans(part, column) else None
            if coloured is None:
                coloured = panel.scatter(
                    part["width"], part["l0"], c=part[column], cmap="viridis", s=22, zorder=3
                )
            _axes(panel, part)
            figure.colorbar(coloured, ax=panel, shrink=0.9, ticks=MaxNLocator(5))
            panel.set_title(label)
        row[0].set_ylabel("SAE $L_0$")
        row[1].set_title(f"{model}, {site}\n{PANELS[1][1]}")
    for panel in axes[-1]:
        panel.set_xlabel("SAE width (latents)")
    return figure


def _spans(part: pd.DataFrame, column: str) -> bool:
    """Whether the SAEs are enough, and different enough, for a surface between them."""
    if len(part) < SURFACE_FROM:
        return False
    places = np.log(part[["width", "l0"]].to_numpy(float))
    flat = np.linalg.matrix_rank(places - places.mean(axis=0)) < 2
    return not flat and bool(np.ptp(part[column]) > 0)


def _contour(axes: Axes, part: pd.DataFrame, column: str):
    """Linear interpolation between SAEs in log width and log L0; black dots where there is an SAE."""
    x, y = np.log(part["width"].to_numpy(float)), np.log(part["l0"].to_numpy(float))
    across, up = np.linspace(x.min(), x.max(), 120), np.linspace(y.min(), y.max(), 120)
    interpolate = LinearTriInterpolator(Triangulation(_scaled(x), _scaled(y)), part[column])
    surface = interpolate(*np.meshgrid(_scaled(across), _scaled(up)))
    filled = axes.contourf(np.exp(across), np.exp(up), surface, levels=12, cmap="viridis")
    axes.contour(np.exp(across), np.exp(up), surface, levels=12, colors="white", linewidths=0.3)
    axes.plot(
        part["width"], part["l0"], "o", color="black", markersize=2.5, clip_on=False, zorder=3
    )
    return filled


def _axes(axes: Axes, part: pd.DataFrame) -> None:
    log_ticks(axes, "y", part["l0"])
    low, high = (part["width"].min(), part["width"].max()) if len(part) else (1, 2)
    axes.set_xlim(low / 1.2, high * 1.2)
    axes.set_xscale("log", base=2)
    octaves = np.arange(np.ceil(np.log2(low / 1.2)), np.log2(high * 1.2))
    axes.set_xticks(2.0 ** octaves[:: max(1, len(octaves) // 4)])
    axes.xaxis.set_major_formatter(LogFormatterSciNotation(base=2))


def _scaled(values: np.ndarray) -> np.ndarray:
    """To [0, 1], so that neither axis dominates the triangulation."""
    return (values - values.min()) / np.ptp(values)


def finding(table: pd.DataFrame) -> Finding:
    """Whether a linear probe tells how large the error of an SAE is."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    def say(found: Measurement) -> Said:
        low, high = written(found), written(estimate_in(extreme(table, "norm_r2", True), "norm_r2"))
        saes = f"{len(table)} SAE{'s' * (len(table) > 1)}"
        vector = measurement_of(claim_of(CLAIMS, "vector_r2_half"), {"fig2": table})
        what = "a linear probe of the activation predicts the squared error norm"
        return Said(
            f"For each of {saes} {what}: R² is {low} at worst and {high} at best.",
            f"For some of {saes} no linear probe of the activation predicts the squared error "
            "norm well: "
            f"R² is only {low} at worst, and {high} at best.",
            f"Whether {what} for each of {saes} is open: R² is {low} at worst and {high} at best.",
            f"Of the error vector a linear map predicts R² = {written(vector)} on average.",
        )

    return judged(claim_of(CLAIMS, "norm_predictable"), {"fig2": table}, say)
