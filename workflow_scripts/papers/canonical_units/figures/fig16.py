"""Figure 16: ROC of the maximum decoder cosine as a predictor of what adding a latent does."""

import pandas as pd
from matplotlib.figure import Figure
from seaborn import color_palette

from workflow_scripts.anatomy.figures.style import legend_above, new_figure
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
