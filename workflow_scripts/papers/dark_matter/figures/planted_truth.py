"""Planted truth: bias of Appendix B's estimates of the error's components, which are known here."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure

COMPONENTS = ("absent", "dense", "introduced")
STRUCTURES = ("orthogonal", "independent", "tree")
CASES = {
    ("outside", "noise"): PALETTE[2],
    ("inside", "noise"): PALETTE[0],
    ("outside", "shrinkage"): PALETTE[3],
    ("inside", "shrinkage"): PALETTE[1],
}
# Width that the cases of one structure share, of 1 between structures.
GROUP = 0.72


def draw(table: pd.DataFrame) -> Figure:
    """One column per component, one row per way of finding FVU's asymptote; a dot per data set."""
    ways = list(table["asymptote"].unique())[::-1]
    figure, axes = new_figure(
        columns=3,
        rows=len(ways),
        width="page",
        ratio=0.85,
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for row, way in zip(axes, ways, strict=True):
        for axis, component in zip(row, COMPONENTS, strict=True):
            chosen = (table["asymptote"] == way) & (table["component"] == component)
            _biases(axis, table[chosen])
        row[0].set_ylabel(f"estimate $-$ truth\n({way} asymptote)")
    for axis, component in zip(axes[0], COMPONENTS, strict=True):
        axis.set_title(component.capitalize())
    for axis in axes[-1]:
        axis.set_xticks(range(len(STRUCTURES)), STRUCTURES)
    for (span, kind), colour in CASES.items():
        label = f"Dense {span} the features' span, Introduced is {kind}"
        axes[0, 0].plot([], [], "o", color=colour, label=label)
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2)
    return figure


def _biases(axis: Axes, table: pd.DataFrame) -> None:
    axis.axhline(0, color="0.5", lw=0.8)
    width = GROUP / len(CASES)
    for place, structure in enumerate(STRUCTURES):
        for case, ((span, kind), colour) in enumerate(CASES.items()):
            rows = table[
                (table["structure"] == structure)
                & (table["dense_span"] == span)
                & (table["introduced_kind"] == kind)
            ]
            start = place - GROUP / 2 + case * width
            at = start + width * (np.arange(len(rows)) + 0.5) / max(len(rows), 1)
            axis.vlines(at, rows["bias_lo"], rows["bias_hi"], colors=[colour], lw=0.5)
            axis.plot(at, rows["bias"], "o", color=colour, ms=2)
