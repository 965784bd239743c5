"""Ratio of KL to that of random errors against dictionary size, a line for each architecture and L0."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.style import log_ticks, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written

RATIOS = {
    "ratio": "over isotropic random errors",
    "ratio_errors": "over ones with the errors' covariance",
}
STYLES = ("-", "--", "-.", ":")


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `by_width.csv`; SAEs whose L0s are within a factor of 1.2 or so share a line."""
    # An SAE for which nothing fires shares a line with its like.
    l0s = np.round(2 * np.log2(table["l0"].where(table["l0"] > 0))).fillna(-np.inf)
    figure, axes = new_figure(2, 1, "page", 0.85, squeeze=False, sharey=True)
    styles = {at: STYLES[n % len(STYLES)] for n, at in enumerate(sorted(l0s.unique()))}
    for (column, label), panel in zip(RATIOS.items(), axes.flat, strict=True):
        for about, part in by_architecture(table):
            for at, its in part.groupby(l0s[part.index]):
                errors(panel, its, "width", column, about.colour)
                means = its.groupby("width")[column].mean()
                panel.plot(means.index, means, styles[at], color=about.colour, linewidth=0.9)
        log_ticks(panel, "x", table["width"])
        panel.axhline(1, color="black", linewidth=0.7, linestyle=":")
        panel.set_xlabel("Dictionary size")
        panel.set_title(label)
    axes[0, 0].set_ylabel("Ratio of KLs")
    handles = [
        Line2D([], [], color=about.colour, marker="o", linestyle="", label=about.label)
        for about, _ in by_architecture(table)
    ]
    for at, style in list(styles.items())[: len(STYLES)]:
        mean = table.loc[l0s == at, "l0"].mean()
        handles.append(Line2D([], [], color="grey", linestyle=style, label=f"L0 ≈ {mean:.2g}"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def errors(axes: Axes, part: pd.DataFrame, along: str, column: str, colour) -> None:
    """Dots with 95 % intervals."""
    value = part[column]
    ends = np.clip([value - part[f"{column}_lo"], part[f"{column}_hi"] - value], 0, None)
    axes.errorbar(
        part[along], value, ends, fmt="o", color=colour, markersize=3, elinewidth=0.6, alpha=0.9
    )


def finding(table: pd.DataFrame) -> Finding:
    """Whether larger SAEs have less pathological errors."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    def say(found: Measurement) -> Said:
        change = f"per doubling of the width the ratio to random errors changes by {written(found)}"
        return Said(
            f"Larger SAEs are less pathological at the same L0: {change}.",
            f"Larger SAEs are no less pathological at the same L0: {change}.",
            f"Whether larger SAEs are less pathological at the same L0 is open: {change}.",
        )

    return judged(claim_of(CLAIMS, "capacity"), {"by_width": table}, say)
