"""Figure 15: known noise on x' and on Sae(x'), and the estimates of Dense and Introduced."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.style import empty_figure, legend_above, new_figure

NOISES = {"noise_x": "$\\mathbf{x}'$ noise", "noise_sae": "$\\mathrm{Sae}(\\mathbf{x}')$ noise"}
PANELS = (("noise_x", "noise_sae", "dense"), ("noise_sae", "noise_x", "introduced"))

STYLES = {
    "--": "FVU",
    "-": "$\\mathrm{FVU}_\\mathrm{nonlinear}$, or estimate",
    ":": "noise added",
}


def draw(table: pd.DataFrame) -> Figure:
    """Top: FVU and FVU_nonlinear against the ablated fraction. Bottom: estimates against noise.

    Of an SAE for which nothing fires there is nothing.
    """
    if table.empty:
        return empty_figure()
    table = table[table["reconstruction"] == "masked"]
    figure, axes = new_figure(columns=2, rows=2, width="page", ratio=0.78)
    for column, (varied, other, estimate) in enumerate(PANELS):
        _curves(axes[0, column], table[table[other] == table[other].min()], varied)
        _estimates(axes[1, column], table, varied, other, estimate)
    highest = max(axis.get_ylim()[1] for axis in axes[0])
    for axis in axes[0]:
        axis.set_ylim(0, highest)
    axes[0, 0].set_ylabel("fraction of variance unexplained")
    handles = [Line2D([], [], color="0.3", linestyle=style) for style in STYLES]
    figure.legend(handles, STYLES.values(), loc="outside lower center", ncols=3)
    return figure


def _curves(axis: Axes, table: pd.DataFrame, varied: str) -> None:
    levels = np.sort(table[varied].unique())
    for colour, level in zip(_shades(levels), levels, strict=True):
        rows = table[table[varied] == level].sort_values("ablated_fraction")
        fraction = 100 * rows["ablated_fraction"]
        axis.plot(fraction, rows["fvu"], "--", color=colour)
        axis.plot(fraction, rows["fvu_nonlinear"], color=colour, label=f"{level:g}")
        for name in ("fvu", "fvu_nonlinear"):
            ends = rows[f"{name}_lo"], rows[f"{name}_hi"]
            axis.fill_between(fraction, *ends, color=colour, alpha=0.15, lw=0)
    axis.set_xlabel("features ablated (%)")
    _legend(axis, levels, f"{NOISES[varied]} (share of variance)")


def _estimates(axis: Axes, table: pd.DataFrame, varied: str, other: str, estimate: str) -> None:
    cells = table[table["ablated_fraction"] == table["ablated_fraction"].min()]
    levels = np.sort(cells[other].unique())
    noise = np.linspace(0, cells[varied].max(), 100)
    # Noise on x' adds to the variance that shares are taken of.
    truth = noise / (1 + noise) if varied == "noise_x" else noise
    axis.plot(noise, truth, color="0.6", linestyle=":")
    for colour, level in zip(_shades(levels), levels, strict=True):
        rows = cells[cells[other] == level].sort_values(varied)
        ends = rows[f"{estimate}_lo"], rows[f"{estimate}_hi"]
        axis.vlines(rows[varied], *ends, colors=[colour])
        axis.plot(rows[varied], rows[estimate], "o-", color=colour, lw=0.8, label=f"{level:g}")
    name = estimate.capitalize()
    axis.set(
        xlabel=f"{NOISES[varied]} (share of variance)",
        ylabel=f"estimated $\\mathrm{{{name}}}(\\mathbf{{x}}')$",
    )
    _legend(axis, levels, f"{NOISES[other]} (share of variance)")


def _legend(axis: Axes, levels: np.ndarray, title: str) -> None:
    """The levels of noise, in a row above the panel."""
    small = {"fontsize": 6, "title_fontsize": 6, "columnspacing": 1.0, "handlelength": 1.4}
    legend_above(axis, ncols=max(1, min(len(levels), 6)), title=title, **small)


def _shades(levels: np.ndarray) -> list:
    return seaborn.color_palette("viridis", len(levels))
