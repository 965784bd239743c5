"""Figure 12: the tokens of figure 5, with the linear and the nonlinear part of the error apart."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.papers.dark_matter.figures.fig5 import (
    draw_widths,
    in_rows,
    legend_of_widths,
    show_tokens,
)

PARTS = {"linear_norm": "Norm of\nLinearError(x)", "nonlinear_norm": "Norm of\nNonlinearError(x)"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig12.csv`: two panels for each row of tokens."""
    parts = in_rows(table)
    figure, axes = new_figure(1, 2 * len(parts), "page", ratio=0.2, sharey=True)
    for number, part in enumerate(parts):
        pair = axes[2 * number : 2 * number + 2]
        for panel, (column, label) in zip(pair, PARTS.items(), strict=True):
            draw_widths(panel, part, column)
            panel.set_ylabel(label)
            show_tokens(panel, part)
        pair[0].tick_params(axis="x", labelbottom=False)
    # One scale for all, so that their sizes can be compared.
    axes[0].set_ylim(0, 1.05 * table[list(PARTS)].to_numpy().max())
    legend_of_widths(figure, axes[0])
    return figure
