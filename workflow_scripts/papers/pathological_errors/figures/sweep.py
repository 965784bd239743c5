"""KL of random errors against their size and their cosine, with the SAE on the same axes."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.style import log_ticks, new_figure

PANELS = {
    "distance": "Distance from x over the SAE's",
    "cosine": "1 - cosine to x, at the norm of Sae(x)",
    "cosine_of_tokens": "1 - cosine of Sae(x) to x",
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `sweep.csv`: lines are random errors, stars SAEs; at the right, fifths of the tokens."""
    from seaborn import color_palette

    shown = [axis for axis in PANELS if (table["axis"] == axis).any()]
    figure, axes = new_figure(max(1, len(shown)), 1, "page", 1.05, squeeze=False)
    layers = sorted(table["layer"].unique())
    colours = dict(zip(layers, color_palette("crest", len(layers)), strict=True))
    for axis, panel in zip(shown, axes.flat, strict=True):
        part = table[table["axis"] == axis]
        for layer, its in part.groupby("layer"):
            _draw(panel, its, axis, colours[layer])
        x = part["level"] if axis == "distance" else 1 - part["level"]
        points = [*x, *(1 - part["cosine"])] if axis == "cosine" else x
        log_ticks(panel, "x", points)
        panel.set_xlabel(PANELS[axis])
        if axis == "cosine_of_tokens":
            panel.axhline(1, color="black", linewidth=0.7, linestyle=":")
            panel.set_ylabel("KL over ε-random")
        else:
            panel.set_yscale("log")
            panel.set_ylabel("KL(P || Q), nats")
    step = -(-len(layers) // 6) if layers else 1
    handles = [Line2D([], [], color=colours[layer], label=f"{layer}") for layer in layers[::step]]
    handles.append(Line2D([], [], color="grey", marker="*", linestyle="", label="Sae(x)"))
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=len(handles),
        title="Layer",
        markerscale=2,
    )
    return figure


def _draw(axes: Axes, part: pd.DataFrame, axis: str, colour) -> None:
    part = part.sort_values("level")
    if axis == "cosine_of_tokens":
        ends = [part["ratio"] - part["ratio_lo"], part["ratio_hi"] - part["ratio"]]
        axes.errorbar(
            1 - part["level"], part["ratio"], ends, fmt="o-", color=colour, elinewidth=0.6
        )
        return
    x = part["level"] if axis == "distance" else 1 - part["level"]
    axes.plot(x, part["kl"], "o-", color=colour, markersize=2)
    low = part["kl_lo"].clip(lower=1e-9)
    axes.fill_between(x, low, part["kl_hi"], color=colour, alpha=0.15, lw=0)
    sae = part.iloc[0]
    at = 1.0 if axis == "distance" else 1 - sae["cosine"]
    axes.plot([at], [sae["kl_sae"]], "*", color=colour, markersize=8, zorder=3)
