"""Boxes over latents or swaps, alike in every figure."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

MEAN = {"marker": "D", "markersize": 3, "markerfacecolor": "white", "markeredgecolor": "black"}
LINE = {"color": "0.25", "linewidth": 0.7}


def boxes(
    axes: Axes, values: Sequence[pd.Series], places: np.ndarray, width: float, colour: str
) -> None:
    """Quartiles, whiskers to 1.5 of their distance, no outliers, and a diamond at each mean."""
    filled = [(group.dropna(), place) for group, place in zip(values, places, strict=True)]
    filled = [(group, place) for group, place in filled if len(group)]
    if not filled:
        return
    axes.boxplot(
        [group.to_numpy() for group, _ in filled],
        positions=[place for _, place in filled],
        widths=0.9 * width,
        patch_artist=True,
        manage_ticks=False,
        showfliers=False,
        showmeans=True,
        meanprops=MEAN,
        boxprops={"facecolor": colour, "edgecolor": "0.25", "linewidth": 0.7},
        medianprops=LINE,
        whiskerprops=LINE,
        capprops=LINE,
    )
