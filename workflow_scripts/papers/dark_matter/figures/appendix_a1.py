"""Appendix A.1: is the linear error only shrinkage? Norm ratio, and cosine of b*x with x."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.style import log_ticks, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written

PANELS = (
    ("norm_ratio", r"$\mathbb{E}\,\|\mathrm{Sae}(x)\| \,/\, \mathbb{E}\,\|x\|$"),
    ("cosine", r"Mean cosine of $b^* x$ with $x$"),
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `appendix_a1.csv`; one point per SAE, against its L0."""
    figure, axes = new_figure(2, 1, "page", ratio=0.75)
    for panel, (column, label) in zip(axes, PANELS, strict=True):
        for about, part in by_architecture(table):
            spread = [part[column] - part[f"{column}_lo"], part[f"{column}_hi"] - part[column]]
            panel.errorbar(
                part["l0"],
                part[column],
                np.maximum(spread, 0),
                fmt="o",
                color=about.colour,
                label=about.label,
                elinewidth=0.6,
            )
        panel.axhline(1, color="grey", linewidth=0.6, linestyle=":")
        log_ticks(panel, "x", table["l0"])
        panel.set_xlabel("SAE $L_0$")
        panel.set_ylabel(label)
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=4)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether reconstructions are shorter than the activations."""
    from workflow_scripts.papers.dark_matter.claims import CLAIMS

    tables = {"appendix_a1": table}

    def say(found: Measurement) -> Said:
        ratio = f"on average over {len(table)} SAEs they have {written(found)} of their norm"
        return Said(
            f"Reconstructions are shorter than the activations: {ratio}.",
            f"Reconstructions are no shorter than the activations: {ratio}.",
            f"Whether reconstructions are shorter than the activations is open: {ratio}.",
        )

    return judged(claim_of(CLAIMS, "reconstructions_shrink"), tables, say)
