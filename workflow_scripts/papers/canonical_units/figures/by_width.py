"""Small multiples against dictionary size: a panel for each data set."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from workflow_scripts.anatomy.figures.style import new_figure

COLUMNS, MANY_COLUMNS = 4, 5


def panels_by_width(
    table: pd.DataFrame, ylabel: str
) -> tuple[Figure, Iterator[tuple[Axes, pd.DataFrame]]]:
    """A panel for each data set of a table: its axes and its rows, by ascending width."""
    names = list(table["dataset"].unique())
    # Two rows of four, and from three rows on five.
    most = COLUMNS if len(names) <= 2 * COLUMNS else MANY_COLUMNS
    columns = max(1, min(most, len(names)))
    rows = max(1, -(-len(names) // columns))
    figure, axes = new_figure(
        columns,
        rows,
        "page" if columns > 1 else "column",
        1.0 if columns > COLUMNS else 0.85 if columns > 2 else 0.7,
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for panel in axes.flat[len(names) :]:
        panel.set_axis_off()
    widths = sorted(table["width"].unique())
    shown = widths[:: max(1, -(-len(widths) // 4))]
    for number, panel in enumerate(axes.flat[: len(names)]):
        panel.set_title(names[number].replace("_", " "))
        panel.set_xscale("log", base=2)
        panel.set_xticks(shown, [f"{width:g}" for width in shown])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xlim(widths[0] / 1.4, widths[-1] * 1.4)
        if number + columns >= len(names):
            panel.tick_params(axis="x", labelbottom=True)
        if number % columns == 0:
            panel.set_ylabel(ylabel)
    figure.supxlabel("Dictionary size", fontsize="medium")
    return figure, (
        (panel, table[table["dataset"] == name].sort_values("width"))
        for panel, name in zip(axes.flat, names, strict=False)
    )
