"""Figure 12: the tokens of figure 5, with the linear and the nonlinear part of the error apart."""

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import new_figure
from workflow_scripts.papers.dark_matter.figures.fig5 import draw_widths, show_tokens


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig12.csv`."""
    figure, (top, bottom) = new_figure(1, 2, "page", ratio=0.3, sharex=True, sharey=True)
    for axes, column, label in (
        (top, "linear_norm", "Norm of LinearError(x)"),
        (bottom, "nonlinear_norm", "Norm of NonlinearError(x)"),
    ):
        draw_widths(axes, table, column)
        axes.set_ylabel(label)
    # One scale for both, so that their sizes can be compared.
    top.set_ylim(0, 1.05 * table[["linear_norm", "nonlinear_norm"]].to_numpy().max())
    show_tokens(bottom, table)
    top.tick_params(axis="x", labelbottom=False)
    top.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="SAE width")
    return figure
