"""Correlation of the KL gap with properties of tokens, and between layers."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written

VARIABLES = {
    "cosine": "cosine of Sae(x) to x",
    "distance": "distance |x - Sae(x)|",
    "norm": "norm of x",
    "l0": "active latents",
    "loss": "loss of the token",
    "position": "position",
    "log_frequency": "log frequency of the token",
}
GAP = "gap_of_layer"
# Filled circles and open ones.
METHODS = {"pearson": "full", "spearman": "none"}
NAMES = {"pearson": "Pearson", "spearman": "Spearman"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `correlates.csv`; filled: Pearson, open: Spearman, with 95 % intervals."""
    between = table[(table["variable"] == GAP) & (table["method"] == "pearson")]
    figure, axes = new_figure(2, 1, "page", 0.9, squeeze=False)
    _draw_variables(axes[0, 0], table[table["variable"] != GAP])
    if between.empty:
        axes[0, 1].set_axis_off()
    else:
        _draw_layers(axes[0, 1], between)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        labels = [f"Layer {labels[0]}", *labels[1:]]
        look: dict[str, Any] = {"color": "grey", "marker": "o", "linestyle": "", "markersize": 3}
        for method in [name for name in METHODS if (table["method"] == name).any()]:
            handles.append(Line2D([], [], fillstyle=METHODS[method], **look))
            labels.append(NAMES[method])
        figure.legend(handles, labels, loc="outside upper left", ncols=len(labels))
    return figure


def _draw_variables(axes: Axes, table: pd.DataFrame) -> None:
    from seaborn import color_palette

    table = table.dropna(subset=["correlation"])
    names = [name for name in VARIABLES if (table["variable"] == name).any()][::-1]
    layers = sorted(table["layer"].unique())
    # A legend has room for some layers only.
    named = layers[:: -(-len(layers) // 6)] if layers else []
    for at, (colour, layer) in enumerate(
        zip(color_palette("crest", len(layers)), layers, strict=True)
    ):
        for method, fill in METHODS.items():
            part = table[(table["layer"] == layer) & (table["method"] == method)]
            y = [names.index(name) for name in part["variable"]]
            shift = 0.6 * ((at + 0.5) / len(layers) - 0.5)
            value = part["correlation"]
            ends = [value - part["correlation_lo"], part["correlation_hi"] - value]
            label = f"{layer}" if method == "pearson" and layer in named else None
            axes.errorbar(
                value, np.array(y) - shift, xerr=np.clip(ends, 0, None), fmt="o", color=colour,
                fillstyle=fill, markersize=3, elinewidth=0.6, label=label,
            )  # fmt: skip
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_yticks(range(len(names)), [VARIABLES[name] for name in names])
    axes.set_xlabel("Correlation with the KL gap")


def _draw_layers(axes: Axes, table: pd.DataFrame) -> None:
    """The matrix of layers; a layer with itself has 1 and is left empty."""
    from seaborn import heatmap

    grid = table.pivot_table(index="layer", columns="other_layer", values="correlation")
    grid.columns = [int(name) for name in grid.columns]
    size = 7 if len(grid) <= 6 else 5
    heatmap(
        grid, ax=axes, annot=True, fmt=".2f", cmap="viridis", vmin=0, vmax=1,
        annot_kws={"size": size}, cbar_kws={"label": "Pearson correlation of gaps"},
    )  # fmt: skip
    axes.set(xlabel="Layer", ylabel="Layer")
    axes.tick_params(axis="y", rotation=0)


def finding(table: pd.DataFrame) -> Finding:
    """Whether some tokens are harder at every layer."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"correlates": table}

    def say(found: Measurement) -> Said:
        least = f"the lowest correlation of the gaps of two layers is {written(found)}"
        return Said(
            f"Some tokens are hard at every layer: {least}.",
            f"Tokens that are hard at one layer are not hard at every other: {least}.",
            f"Whether some tokens are hard at every layer is open: {least}.",
        )

    return judged(claim_of(CLAIMS, "gaps_of_layers_go_together"), tables, say)
