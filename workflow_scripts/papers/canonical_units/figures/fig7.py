"""Figures 7 and 8: normalised MSE and increase in cross-entropy, by architecture."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.anatomy.setup.architectures import KNOWN, Architecture

MEASURES = {"nmse": "Normalised MSE", "ce_degradation": "CE degradation (nats)"}
# What varies, along which axis, and what the panel is called after what does not.
COMPARISONS = {
    "size": ("width", "Dictionary size", "Fixed number of active latents (k = {k:g})", "k"),
    "sparsity": ("k", "k", "Fixed dictionary size ({width:g})", "width"),
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig7.csv`: dots are SAEs with 95 % intervals over documents, lines means over seeds."""
    # What this run does not compare has no panels.
    shown = [name for name in COMPARISONS if (table["comparison"] == name).any()]
    shown = shown or list(COMPARISONS)[:1]
    figure, axes = new_figure(
        len(shown), 2, "page", 1.2 / len(shown), sharex="col", sharey="row", squeeze=False
    )
    for column, comparison in enumerate(shown):
        along, label, title, fixed = COMPARISONS[comparison]
        part = table[table["comparison"] == comparison]
        for axis, (measure, name) in zip(axes[:, column], MEASURES.items(), strict=True):
            for about, saes in by_architecture(part):
                _draw(axis, saes, along, measure, about)
            if column == 0:
                axis.set_ylabel(name)
        if len(part):
            axes[0, column].set_title(title.format(**{fixed: part[fixed].iloc[0]}))
            _ticks(axes[1, column], part[along])
        axes[1, column].set_xlabel(label)
    handles: dict[str, Any] = {}
    for axis in axes.flat:
        handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    names = [about.label for about in KNOWN.values() if about.label in handles]
    ordered = [handles[name] for name in names]
    figure.legend(ordered, names, loc="outside upper center", ncols=max(1, len(names)))
    return figure


def _draw(axis: Axes, saes: pd.DataFrame, along: str, measure: str, about: Architecture) -> None:
    colour = about.colour
    value = saes[measure]
    spread = np.abs([value - saes[f"{measure}_lo"], saes[f"{measure}_hi"] - value])
    axis.errorbar(
        saes[along], value, spread, fmt="none", ecolor=colour, elinewidth=0.5, alpha=0.4, zorder=1
    )
    axis.plot(saes[along], value, "o", color=colour, markersize=2.5)
    means = saes.groupby(along)[measure].mean()
    axis.plot(means.index, means, "-", color=colour, label=about.label)


def _ticks(axis: Axes, values: pd.Series) -> None:
    """A logarithmic axis with a tick at every value that there is."""
    shown = sorted(values.unique())
    axis.set_xscale("log", base=2)
    axis.set_xticks(shown, [f"{value:g}" for value in shown])
    axis.xaxis.set_minor_locator(NullLocator())


def finding(table: pd.DataFrame) -> Finding:
    """Whether BatchTopK is at least as good as TopK."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    def say(found: Measurement) -> Said:
        worst = f"where it does worst it is better by {written(found, 100, '%')}"
        return Said(
            "BatchTopK is at least as good as TopK at every sparsity and size, by either "
            f"measure: {worst}.",
            "BatchTopK is not at least as good as TopK everywhere: where it does worst the "
            "difference is "
            f"{written(found, 100, '%')}.",
            "Whether BatchTopK is at least as good as TopK everywhere is open: where it does "
            "worst the "
            f"difference is {written(found, 100, '%')}.",
        )

    return judged(claim_of(CLAIMS, "pareto_improvement_over_topk"), {"fig7": table}, say)
