"""Figure 23: variance explained by a meta-SAE with its own, an SAE's, and random directions."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig23.csv`: a bar for what the directions are, a dot per seed; pursuit as lines."""
    pursued = table["replaced"].str.startswith("pursuit")
    shown = list(dict.fromkeys(table.loc[~pursued, "replaced"]))
    figure, axes = new_figure(ratio=0.8)
    for at, replaced in enumerate(shown):
        part = table[table["replaced"] == replaced]
        value = part["variance_explained"]
        axes.bar(at, value.mean(), 0.7, color=_colour(replaced), linewidth=0)
        ends = [value - part["variance_explained_lo"], part["variance_explained_hi"] - value]
        spread = 0.1 * np.arange(len(part))
        axes.errorbar(at + spread - spread.mean(), value, yerr=ends, fmt="o", color="black")
    for _, row in table[pursued].iterrows():
        axes.axhline(row["variance_explained"], color=PALETTE[3], linestyle="--", linewidth=0.8)
        axes.text(
            0.99,
            row["variance_explained"] + 0.01,
            f"pursuit on {row['replaced'].split('_')[1]} latents",
            transform=axes.get_yaxis_transform(),
            ha="right",
            fontsize=6,
            color=PALETTE[3],
        )
    axes.set_xticks(range(len(shown)), [_label(replaced) for replaced in shown])
    axes.set(ylabel="Variance explained", xlabel="Directions of the meta-latents", ylim=(0, 1))
    return figure


def _colour(replaced: str) -> str:
    return {"none": PALETTE[0], "random": PALETTE[7]}.get(replaced, PALETTE[2])


def _label(replaced: str) -> str:
    if replaced.startswith("nearest"):
        return f"nearest of\n{replaced.split('_')[1]} latents"
    return {"none": "their own"}.get(replaced, replaced)
