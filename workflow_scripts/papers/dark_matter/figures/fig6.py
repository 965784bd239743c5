"""Figure 6: violins of the norm prediction test for five vectors, over all SAEs."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure

LABELS = {
    "x": "x",
    "sae": "Sae(x)",
    "error": "SaeError(x)",
    "linear_error": "Linear\nError(x)",
    "nonlinear_error": "Nonlinear\nError(x)",
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig6.csv`; SAEs with R^2 of 0 or less are left out, as in the paper."""
    shown = table[table["r2"] > 0].assign(vector=lambda t: t["vector"].map(LABELS))
    figure, axes = new_figure(ratio=0.8)
    order = list(LABELS.values())
    seaborn.violinplot(
        shown, x="vector", y="r2", order=order, ax=axes, color=PALETTE[0], inner=None, cut=0, linewidth=0.6,
        density_norm="width", alpha=0.5,
    )  # fmt: skip
    seaborn.stripplot(
        shown,
        x="vector",
        y="r2",
        order=order,
        ax=axes,
        color="black",
        size=1.5,
        jitter=0.12,
        native_scale=False,
    )
    axes.set_ylim(0, 1)
    axes.set_xlabel("")
    axes.set_ylabel("Norm prediction $R^2$")
    count = len(table[["model", "site", "sae"]].drop_duplicates())
    left_out = len(table) - len(shown)
    note = f", {left_out} values ≤ 0 left out" if left_out else ""
    axes.set_title(f"{count} SAEs{note}")
    return figure
