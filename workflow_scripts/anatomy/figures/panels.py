"""Small multiples: one panel per site, or per site and kind of SAE, with the same axes in all."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.anatomy.figures.style import new_figure

COLUMNS = 3
# Entries of a legend of widths; there may be more widths.
ENTRIES = 8


def small_multiples(
    table: pd.DataFrame, by: list[str], ratio: float, xlabel: str, ylabel: str
) -> tuple[Figure, Iterator[tuple[Axes, tuple, pd.DataFrame]]]:
    """A panel for each value of the columns `by`: its axes, the values, the rows.

    Only the lowest panel of each column and the leftmost of each row have their axes labelled.
    """
    parts = list(table.groupby(by, sort=False))
    columns = max(1, min(COLUMNS, len(parts)))
    rows = max(1, -(-len(parts) // columns))
    width = "column" if columns == 1 else "page"
    figure, axes = new_figure(columns, rows, width, ratio, squeeze=False, sharex=True, sharey=True)
    for panel in axes.flat[len(parts) :]:
        panel.set_axis_off()
    for number, panel in enumerate(axes.flat[: len(parts)]):
        if number + columns >= len(parts):
            panel.tick_params(axis="x", labelbottom=True)
            panel.set_xlabel(xlabel)
        if number % columns == 0:
            panel.set_ylabel(ylabel)
    return figure, (
        (panel, name, part) for panel, (name, part) in zip(axes.flat, parts, strict=False)
    )


def colours_of(widths: pd.Series) -> dict[int, tuple]:
    """A colour for every width, dark for the widest."""
    from seaborn import color_palette

    every = sorted(widths.unique())
    return dict(zip(every, color_palette("crest", len(every)), strict=True))


def legend_of(figure: Figure, colours: dict[int, tuple]) -> None:
    """The widths' colours in one legend above the figure; some of them, where there are many."""
    step = -(-len(colours) // ENTRIES) if colours else 1
    shown = list(colours.items())[::-1][::step][::-1]
    handles = [Line2D([], [], color=colour, label=f"{width}") for width, colour in shown]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=len(handles) or 1, title="SAE width"
    )
