"""Figure 6: largest cosines of meta-latents to the latents of SAEs of several sizes."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import PALETTE, new_figure
from workflow_scripts.anatomy.report.page.findings import (
    Finding,
    Said,
    claim_of,
    judged,
    measurement_of,
    written,
)

KINDS = {
    "meta_latents": ("meta-latents", PALETTE[0]),
    "same_covariance": ("of random directions, same covariance", PALETTE[1]),
    "random": ("random directions", PALETTE[7]),
}
HALF = 0.14  # of a violin's width; widths are one apart


def draw(table: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Draw from `fig6.csv` and `fig6_summary.csv`: violins over the meta-latents of all seeds, with medians."""
    figure, axes = new_figure(width="page", ratio=0.45)
    widths = sorted(table["width"].unique())
    meta_width = table["meta_width"].iloc[0]
    nearest = min(widths, key=lambda width: abs(np.log(width / meta_width)))
    for at, width in enumerate(widths):
        for place, (kind, (_, colour)) in enumerate(KINDS.items()):
            part = table[(table["width"] == width) & (table["directions"] == kind)]
            if part.empty:
                continue
            x = at + (place - 1) * 2 * HALF
            _violin(axes, part["max_cosine"].to_numpy(float), x, colour)
            median = part["max_cosine"].median()
            axes.plot([x - HALF, x + HALF], [median, median], color="black", linewidth=0.9)
    axes.axhline(summary["threshold"].iloc[0], color="grey", linestyle="--", linewidth=0.8)
    axes.set_xticks(range(len(widths)), [str(width) for width in widths])
    for label, width in zip(axes.get_xticklabels(), widths, strict=True):
        label.set_fontweight("bold" if width == nearest else "normal")
    axes.set(
        xlabel=f"Width of the SAE (of the meta-SAE: {meta_width})",
        ylabel="Maximum decoder cosine",
        ylim=(min(0.0, table["max_cosine"].min()), 1.02),
    )
    handles = [Patch(color=colour, label=label) for label, colour in KINDS.values()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def _violin(axes, values: np.ndarray, x: float, colour: str) -> None:
    """A histogram on its side, to both sides alike; as wide as any other at its fullest."""
    counts, edges = np.histogram(values, np.linspace(-1, 1, 81))
    filled = np.flatnonzero(counts)
    part = slice(filled[0], filled[-1] + 1)
    half = HALF * 0.95 * counts[part] / counts.max()
    middles = (edges[:-1] + edges[1:])[part] / 2
    axes.barh(middles, 2 * half, np.diff(edges)[0], x - half, color=colour, linewidth=0)


def finding(table: pd.DataFrame, summary: pd.DataFrame) -> Finding:
    """Whether meta-latents are like latents of an SAE of their size."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    tables = {"fig6": table, "fig6_summary": summary}

    def say(found: Measurement) -> Said:
        share = measurement_of(claim_of(CLAIMS, "meta_latents_have_counterparts"), tables)
        more = f"by the median of the largest cosines, {written(found)} more than the control that is most alike"
        return Said(
            "Meta-latents are more like latents of an SAE of their size than random directions "
            f"are, {more}.",
            "Meta-latents are no more like latents of an SAE of their size than random directions "
            "are: the "
            f"median of the largest cosines differs by {written(found)} from the control that is "
            "most alike.",
            "Whether meta-latents are more like latents of an SAE of their size than random "
            "directions are "
            f"is open: the median of the largest cosines differs by {written(found)}.",
            f"{written(share, 100, '%')} of them have a counterpart above the threshold "
            f"{summary['threshold'].iloc[0]:g}.",
        )

    return judged(claim_of(CLAIMS, "meta_latents_like_latents_of_their_size"), tables, say)
