"""Figure 5: error norms of consecutive tokens, one line per SAE width, with the nonlinear error."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig5.csv`."""
    figure, axes = new_figure(width="page", ratio=0.42)
    draw_widths(axes, table, "error_norm")
    mean = table.groupby("position")["nonlinear_norm"].mean()
    axes.plot(mean.index, mean, "--", color=PALETTE[3], label="mean nonlinear error")
    axes.set_ylabel("Norm of SaeError(x)")
    show_tokens(axes, table)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="SAE width")
    return figure


def draw_widths(axes: Axes, table: pd.DataFrame, column: str) -> None:
    """One line per SAE width, dark for the widest."""
    from seaborn import color_palette

    widths = sorted(table["width"].unique())
    for colour, width in zip(color_palette("crest", len(widths)), widths, strict=True):
        part = table[table["width"] == width]
        axes.plot(part["position"], part[column], color=colour, linewidth=0.9, label=f"{width}")
    axes.set_ylim(0, None)


def show_tokens(axes: Axes, table: pd.DataFrame) -> None:
    """Write the tokens' text along the axis; spaces and line ends are made visible."""
    text = table.drop_duplicates("position").set_index("position")["token"].fillna("").astype(str)
    axes.set_xticks(text.index)
    axes.set_xticklabels(
        [_shown(token) for token in text], rotation=90, fontsize=4.5, family="monospace"
    )
    axes.tick_params(axis="x", length=1.5, pad=1)
    axes.set_xlim(np.min(text.index) - 0.5, np.max(text.index) + 0.5)


def _shown(token: str) -> str:
    visible = token.replace("\n", "⏎").replace("\t", "→").replace(" ", "·").replace("$", r"\$")
    return visible if len(visible) <= 12 else visible[:11] + "…"
