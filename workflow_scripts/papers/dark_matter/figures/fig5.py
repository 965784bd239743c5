"""Figure 5: error norms of consecutive tokens, one line per SAE width, with the nonlinear error."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.anatomy.figures.style import PALETTE, new_figure

TOKENS_IN_A_ROW = 60


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig5.csv`."""
    parts = in_rows(table)
    figure, axes = new_figure(1, len(parts), "page", ratio=0.3, squeeze=False, sharey=True)
    for panel, part in zip(axes[:, 0], parts, strict=True):
        draw_widths(panel, part, "error_norm")
        mean = part.groupby("position")["nonlinear_norm"].mean()
        panel.plot(mean.index, mean, "--", color=PALETTE[3], label="mean nonlinear error")
        panel.set_ylabel("Norm of SaeError(x)")
        show_tokens(panel, part)
    axes[0, 0].set_ylim(0, 1.05 * table[["error_norm", "nonlinear_norm"]].to_numpy().max())
    legend_of_widths(figure, axes[0, 0])
    return figure


def in_rows(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The tokens in as many rows of equal length as leave each token's text room."""
    positions = sorted(table["position"].unique())
    rows = max(1, -(-len(positions) // TOKENS_IN_A_ROW))
    return [table[table["position"].isin(part)] for part in np.array_split(positions, rows)]


def legend_of_widths(figure: Figure, axes: Axes) -> None:
    """One legend above the figure, for what is in `axes`."""
    handles, labels = axes.get_legend_handles_labels()
    labels = [f"{name} latents" if name.isdigit() else name for name in labels]
    figure.legend(handles, labels, loc="outside upper center", ncols=min(6, max(1, len(labels))))


def draw_widths(axes: Axes, table: pd.DataFrame, column: str) -> None:
    """One line per SAE width, dark for the widest."""
    from seaborn import color_palette

    widths = sorted(table["width"].unique())
    for colour, width in zip(color_palette("crest", len(widths)), widths, strict=True):
        part = table[table["width"] == width]
        axes.plot(part["position"], part[column], color=colour, linewidth=0.9, label=f"{width}")


def show_tokens(axes: Axes, table: pd.DataFrame) -> None:
    """Write the tokens' text along the axis; spaces and line ends are made visible."""
    text = table.drop_duplicates("position").set_index("position")["token"].fillna("").astype(str)
    axes.set_xticks(text.index)
    axes.set_xticklabels(
        [_shown(token) for token in text], rotation=90, fontsize=5.5, family="monospace"
    )
    axes.tick_params(axis="x", length=1.5, pad=1)
    axes.set_xlim(np.min(text.index) - 0.5, np.max(text.index) + 0.5)


def _shown(token: str) -> str:
    visible = token.replace("\n", "⏎").replace("\t", "→").replace(" ", "·").replace("$", r"\$")
    return visible if len(visible) <= 12 else visible[:11] + "…"
