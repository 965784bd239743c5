"""Figure 3: error norm R^2 against layer, for the SAE with L0 nearest the target at each layer."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workflow_scripts.anatomy.figures.style import PALETTE, legend_above, new_figure


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig3.csv`; one line per model."""
    figure, axes = new_figure()
    for colour, (model, part) in zip(PALETTE, table.groupby("model", sort=False), strict=False):
        part = part.sort_values("layer")
        label = f"{model}, L0 ≈ {part['l0'].mean():.0f}"
        axes.plot(part["layer"], part["norm_r2"], "o-", color=colour, label=label)
        axes.fill_between(
            part["layer"],
            part["norm_r2_lo"],
            part["norm_r2_hi"],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    axes.set_ylim(min(0, table["norm_r2_lo"].min()), 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Layer")
    axes.set_ylabel("Error norm $R^2$")
    legend_above(axes, ncols=1)
    return figure
