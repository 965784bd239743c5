"""Figure 9: distribution of active latents per token, by architecture."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.architectures import by_architecture
from workflow_scripts.anatomy.figures.style import legend_above, new_figure


def draw(table: pd.DataFrame) -> Figure:
    """Draw from `fig9.csv`: shares of the tokens, all seeds together; triangles are BOS tokens."""
    figure, axis = new_figure()
    handles, bottoms = [], []
    for about, part in by_architecture(table):
        if not part["bos"].all():
            bottoms.append(_draw_tokens(axis, part[~part["bos"]], about.colour))
        _draw_bos(axis, part[part["bos"]], about.colour)
        handles.append(Line2D([], [], color=about.colour, label=about.label))
    if table["bos"].any():
        handles.append(Line2D([], [], color="grey", marker="v", linestyle="", label="BOS tokens"))
    axis.set_yscale("log")
    axis.set_ylim(min(bottoms, default=None), None)
    axis.set_xlim(-0.5, None)
    axis.set_xlabel("Active latents")
    axis.set_ylabel("Share of tokens")
    legend_above(axis, handles=handles, bbox_to_anchor=(0.5, 1.02))
    return figure


def _draw_tokens(axis: Axes, part: pd.DataFrame, colour) -> float:
    """Draw the shares as a line of steps; return that of half a token, which stands for none."""
    counts = part.groupby("active_latents")["count"].sum()
    every = counts.reindex(np.arange(counts.index.min() - 1, counts.index.max() + 2), fill_value=0)
    share = every / every.sum()
    bottom = 0.5 / every.sum()
    axis.step(every.index, share.clip(lower=bottom), where="mid", color=colour)
    return bottom


def _draw_bos(axis: Axes, part: pd.DataFrame, colour) -> None:
    """A triangle at the top of the figure over every number of latents that BOS tokens have."""
    axis.plot(
        part["active_latents"],
        np.full(len(part), 0.97),
        "v",
        color=colour,
        alpha=0.8,
        transform=axis.get_xaxis_transform(),
        clip_on=False,
    )
