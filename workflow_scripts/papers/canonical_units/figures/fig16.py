"""Figure 16: ROC of the maximum decoder cosine as a predictor of what adding a latent does."""

import pandas as pd
from matplotlib.figure import Figure
from seaborn import color_palette

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.figures.style import legend_above, new_figure
from workflow_scripts.anatomy.report.page.findings import Finding, Said, claim_of, judged, written
from workflow_scripts.papers.canonical_units.figures.pairs import by_pair


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig16.csv`; dots are at the threshold that this run calls latents novel by."""
    figure, axes = new_figure(ratio=0.95)
    pairs = by_pair(table)
    axes.plot([0, 1], [0, 1], ":", color="grey", linewidth=0.8)
    for colour, (name, part) in zip(color_palette("viridis", len(pairs)), pairs, strict=True):
        area, low, high = (part[column].iloc[0] for column in ("auc", "auc_lo", "auc_hi"))
        label = f"{name}: {area:.3f} [{low:.3f}, {high:.3f}]"
        axes.step(part["fpr"], part["tpr"], color=colour, where="post", label=label)
        used = part[part["threshold"] <= part["novel_below"]]
        if len(used):
            axes.plot(used["fpr"].iloc[-1], used["tpr"].iloc[-1], "o", color=colour)
    axes.set_xlabel("False positive rate")
    axes.set_ylabel("True positive rate")
    legend_above(axes, ncols=1, title="Area under the curve, 95 % interval", title_fontsize=7)
    return figure


def finding(table: pd.DataFrame) -> Finding:
    """Whether the largest cosine tells what adding a latent does."""
    from workflow_scripts.papers.canonical_units.claims import CLAIMS

    def say(found: Measurement) -> Said:
        area = f"the area under the curve is {written(found)} for the pair where it is smallest"
        return Said(
            "The largest cosine tells better than chance whether a latent lowers the error: "
            f"{area}.",
            "For some pair the largest cosine tells no better than chance what a latent does: "
            f"{area}.",
            f"Whether the largest cosine tells better than chance for every pair is open: {area}.",
            "Chance is 0.5.",
        )

    return judged(claim_of(CLAIMS, "cosine_predicts_effect"), {"fig16": table}, say)
