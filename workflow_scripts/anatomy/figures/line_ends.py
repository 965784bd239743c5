"""Names of lines at their right ends, apart from each other where the ends are not."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

# Points: of a label, and from one label's middle to the next one's. A panel shrinks while it is laid out.
SIZE, APART = 6, 8.5
End = tuple[float, float, str, Any]


def label_ends(axes: Axes, ends: Iterable[End]) -> None:
    """Write a text to the right of each end of a line, in its colour.

    Called last, when limits and scales of the panel are what they are to be. Labels at one x keep the
    order of their ends; where there are more than the panel has room for, every second or third is left out.

    Parameters
    ----------
    ends: x, y, text and colour of each; those without a finite place are left out.
    """
    axes.get_ylim()  # limits from the data, which a panel otherwise finds when it is drawn
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    by_x: dict[float, list[End]] = {}
    for end in ends:
        if np.isfinite(end[0]) and np.isfinite(end[1]):
            by_x.setdefault(float(end[0]), []).append(end)
    to_panel = axes.transData - axes.transAxes
    for x, some in by_x.items():
        some = some[:: ceil(len(some) * APART / height)]
        heights = [float(to_panel.transform((x, end[1]))[1]) for end in some]
        for (_, _, text, colour), at in zip(some, spread(heights, APART / height), strict=True):
            axes.annotate(
                text, (x, at), (3, 0), xycoords=axes.get_xaxis_transform(),
                textcoords="offset points", fontsize=SIZE, color=colour, va="center",
            )  # fmt: skip


def spread(places: Sequence[float], apart: float) -> NDArray:
    """Places between 0 and 1 that are at least `apart` from each other, in their order and moved by little.

    Least squares: neighbours that are too near become a block about their mean.
    """
    from scipy.optimize import isotonic_regression

    order = np.argsort(places, kind="stable")
    # Less what has to be between, places only have to ascend.
    steps = apart * np.arange(len(places))
    ascending = isotonic_regression(np.asarray(places, float)[order] - steps).x
    found = np.empty(len(places))
    found[order] = ascending.clip(0, max(0.0, 1 - steps[-1])) + steps
    return found
