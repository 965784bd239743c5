"""Ratio of KL to that of random errors against L0, by architecture."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.style import log_ticks, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.pathological_errors.figures.by_width import errors

PANELS = {
    "ratio": ("over isotropic random errors", "Ratio of KLs"),
    "ratio_errors": ("over ones with the errors' covariance", "Ratio of KLs"),
    "kl": ("of Sae(x)", "KL(P || Q), nats"),
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `by_architecture.csv`, a dot for each SAE, with 95 % intervals; sizes are not told apart."""
    figure, axes = new_figure(len(PANELS), 1, "page", 1.0, squeeze=False)
    handles = []
    for about, part in by_architecture(table):
        for column, panel in zip(PANELS, axes.flat, strict=True):
            errors(panel, part, "l0", column, about.colour)
        handles.append(
            Line2D([], [], color=about.colour, marker="o", linestyle="", label=about.label)
        )
    for (column, (title, label)), panel in zip(PANELS.items(), axes.flat, strict=True):
        log_ticks(panel, "x", table["l0"])
        panel.set(xlabel="$L_0$", ylabel=label)
        panel.set_title(title, fontsize=7)
        if column != "kl":
            panel.axhline(1, color="black", linewidth=0.7, linestyle=":")
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles) or 1)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether SAEs with an L1 penalty are more pathological."""
    from workflow_scripts.papers.pathological_errors.claims import CLAIMS

    tables = {"by_architecture": table}

    def say(found: Measurement) -> Said:
        gap = f"the ratio to random errors differs by {written(found)}"
        return Said(
            "SAEs with an L1 penalty are more pathological than others of the same size and L0: "
            f"{gap}.",
            "SAEs with an L1 penalty are no more pathological than others of the same size and "
            f"L0: {gap}.",
            "Whether SAEs with an L1 penalty are more pathological than others of the same size "
            f"and L0 is open: {gap}.",
        )

    return judged(claim_of(CLAIMS, "l1_is_worse"), tables, say)
