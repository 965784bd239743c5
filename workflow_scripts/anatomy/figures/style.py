"""One look for all figures: sizes of a paper's column and page, and a palette for every reader."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from workflow_scripts.anatomy.base.store import replacing

WIDTHS = {"column": 3.25, "page": 6.75}  # inches
RATIO = 0.78  # height of a panel over its width
# seaborn's "colorblind" colours and, as matplotlib has it, its "ticks" style: figures without a
# statistical plot need not wait for seaborn, which takes longer to import than they to draw.
PALETTE = (
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
)

# Round numbers of a decade, coarse to fine, of which a logarithmic axis gets three ticks or more.
ROUND = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 6, 8), tuple(n / 10 for n in range(10, 100, 5)))

SETTINGS = matplotlib.style.library["seaborn-v0_8-ticks"] | {
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "xtick.minor.size": 2,
    "ytick.minor.size": 2,
    # The fonts that matplotlib brings: the same bytes and widths whatever else is installed.
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.monospace": ["DejaVu Sans Mono"],
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "axes.linewidth": 0.7,
    "pdf.fonttype": 42,
    "svg.hashsalt": "anatomy",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in this project's look within the block."""
    with matplotlib.rc_context(SETTINGS):
        yield


def new_figure(
    columns: int = 1, rows: int = 1, width: str = "column", ratio: float = RATIO, **kwargs
) -> tuple[Figure, Any]:
    """A figure of `columns` x `rows` panels, `width` ("column" or "page") wide.

    Returns the figure and its axes, as `Figure.subplots` shapes them. No pyplot state is touched.
    """
    inches = WIDTHS[width]
    figure = Figure(figsize=(inches, inches / columns * ratio * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, **kwargs)


def empty_figure(**kwargs) -> Figure:
    """The figure of a table without rows: it is there, and says that there is nothing in it."""
    figure, axes = new_figure(**kwargs)
    axes.set_axis_off()
    axes.text(0.5, 0.5, "nothing to show: the table is empty", ha="center", va="center")
    return figure


def legend_above(axes: Axes, **kwargs) -> None:
    """A legend above the panel, where no data can be."""
    axes.legend(loc="lower center", **({"bbox_to_anchor": (0.5, 1.0), "ncols": 2} | kwargs))


def log_ticks(axes: Axes, name: str, values: Iterable[float]) -> None:
    """Make axis `name` ("x" or "y") logarithmic, around `values`, with some round numbers on it."""
    positive = [value for value in values if value > 0]
    low, high = min(positive, default=1.0), max(positive, default=1.0)
    margin = max((high / low) ** 0.08, 1.1)
    low, high = low / margin, high * margin
    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    for numbers in ROUND:
        every = [number * 10.0**exponent for exponent in exponents for number in numbers]
        ticks = [tick for tick in every if low <= tick <= high]
        if len(ticks) >= 3:
            break
    # Limits first: a scale asks the data for some, of which none may be positive.
    axes.set(**{f"{name}lim": (low, high)})
    axes.set(**{f"{name}scale": "log"})
    axis = axes.xaxis if name == "x" else axes.yaxis
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])


def save(figure: Figure, pdf: str | Path, png: str | Path) -> None:
    """Write a figure to both files; without dates, so that the same figure gives the same bytes."""
    with replacing(pdf) as temporary:
        figure.savefig(temporary, metadata={"CreationDate": None})
    figure.set_layout_engine("none")  # everything is in its place, which takes a while to find
    with replacing(png) as temporary:
        figure.savefig(temporary, dpi=300, metadata={"Software": None})
