"""Scores of SAE latents and of other directions: a violin for each kind, and its mean."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.papers.interpretable_features.figures.methods import COLOURS, LABELS

CHANCE = 0.5
WIDTH = 0.8


def draw(table: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """Draw from `autointerp.csv` and `autointerp_means.csv`."""
    figure, axes = new_figure()
    shown = [name for name in LABELS if (means["method"] == name).any()]
    for place, method in enumerate(shown):
        scores = table.loc[table["method"] == method, "score"].dropna()
        if scores.nunique() > 1:
            (body,) = axes.violinplot([scores], [place], widths=WIDTH, showextrema=False)["bodies"]
            body.set(facecolor=COLOURS[method], edgecolor="none", alpha=0.45)
        of_method = means[means["method"] == method].iloc[0]
        mean = of_method["score"]
        ends = np.abs([[of_method["score_lo"] - mean], [of_method["score_hi"] - mean]])
        axes.errorbar([place], [mean], ends, fmt="o", color="0.15", capsize=2, zorder=3)
    axes.axhline(CHANCE, color="0.5", linewidth=0.7, linestyle="--", zorder=0)
    axes.set_xticks(range(len(shown)), [LABELS[name].replace(" ", "\n") for name in shown])
    axes.set_ylabel("Interpretability (balanced accuracy)")
    return figure
