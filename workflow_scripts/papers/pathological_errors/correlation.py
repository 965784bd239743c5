"""Correlation over tokens, with an interval by resampling their documents."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.draws import Estimate
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.anatomy.statistics.units import sum_by_group

MOMENTS = ("n", "x", "y", "xx", "yy", "xy")


def correlation(x: NDArray, y: NDArray, groups: NDArray, n: int, draws: int, seed: int) -> Estimate:
    """Pearson's correlation of x and y (N,), each of n groups (N,) of documents drawn as a whole.

    NaN where one of them is the same at all tokens.
    """
    if len(x) == 0 or x.min() == x.max() or y.min() == y.max():
        return Estimate(np.nan, np.nan, np.nan, np.empty(0))
    x, y = x - x.mean(), y - y.mean()
    moments = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    sums = sum_by_group(moments, groups, n)
    return document_interval(_pearson, {"moments": sums}, draws, seed)


def ranks(values: NDArray) -> NDArray:
    """Ranks of values (N,), float64, equal ones having their mean rank."""
    from scipy.stats import rankdata

    return rankdata(values).astype(np.float64)


def _pearson(sums: Mapping[str, NDArray]) -> NDArray:
    n, x, y, xx, yy, xy = np.moveaxis(sums["moments"], -1, 0)
    var_x, var_y = xx - x * x / n, yy - y * y / n
    # What is constant has a rest of rounding alone.
    constant = (var_x <= 1e-12 * xx) | (var_y <= 1e-12 * yy) | (xx == 0) | (yy == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (xy - x * y / n) / np.sqrt(var_x * var_y)
    return np.where(constant, np.nan, found)
