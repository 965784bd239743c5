"""Cross-entropy against tokens seen, for every language model trained in the run."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure

STYLES: dict[str, dict[str, Any]] = {
    "train": {"alpha": 0.5, "linewidth": 0.8},
    "validation": {"marker": "o"},
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `loss_curves.csv`."""
    figure, axes = new_figure()
    for colour, (model, curve) in zip(PALETTE, table.groupby("model", sort=False), strict=False):
        for split, part in curve.groupby("split", sort=False):
            axes.plot(
                part["tokens"],
                part["loss"],
                color=colour,
                label=f"{model}, {split}",
                **STYLES[split],
            )
    axes.set_xlabel("Training tokens")
    axes.set_ylabel("Cross-entropy (nats per token)")
    axes.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
    legend_above(axes)
    return figure
