"""95 % intervals of many ratios of sums at once, by resampling groups of documents."""

import numpy as np

from workflow_scripts.anatomy.statistics.bootstrap import LEVELS, resampling_weights

# Ratios are drawn for so many columns at a time: 1000 draws of them take 8 MB.
COLUMNS = 1024


def add_by_group(
    sums: np.ndarray, groups: np.ndarray, columns: np.ndarray, values: np.ndarray
) -> None:
    """sums[groups, columns] += values, in place; several entries may name one place.

    Parameters
    ----------
    sums: (G, s) float64.
    groups, columns: (e,) int64; memory is that of the groups from the first to the last of them.
    values: (e,) float64.
    """
    if len(groups) == 0:
        return
    first, last = int(groups.min()), int(groups.max()) + 1
    flat = (groups - first) * sums.shape[1] + columns
    size = (last - first) * sums.shape[1]
    part = np.bincount(flat, np.asarray(values, np.float64), minlength=size)
    sums[first:last] += part.reshape(last - first, -1)


def ratio_intervals(
    numerator: np.ndarray, denominator: np.ndarray, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratios of sums over groups, and their 95 % intervals when groups are drawn with replacement.

    Every column sees the same resampled groups, those that `bootstrap.document_interval` draws with
    the same seed.

    Parameters
    ----------
    numerator: (G, s) float64, sums per group.
    denominator: (G,) or (G, s) float64.

    Returns
    -------
    Value, 2.5 % and 97.5 % quantiles, (s,) float64 each; NaN where nothing is divided by nothing,
    and quantiles are NaN where there are fewer than two groups.
    """
    groups, size = numerator.shape
    bottom = denominator[:, None] if denominator.ndim == 1 else denominator
    with np.errstate(divide="ignore", invalid="ignore"):
        value = numerator.sum(0) / bottom.sum(0)
        quantiles = np.full((2, size), np.nan)
        if groups < 2:
            return value, *quantiles
        weights = resampling_weights(groups, draws, seed)
        for start in range(0, size, COLUMNS):
            part = slice(start, start + COLUMNS)
            shared = bottom.shape[1] == 1
            drawn = (weights @ numerator[:, part]) / (
                weights @ bottom[:, slice(None) if shared else part]
            )
            # nanquantile goes column by column, so it sees only the columns that need it.
            gaps = np.isnan(drawn).any(0)
            quantiles[:, part] = np.quantile(drawn, LEVELS, axis=0)
            some = gaps & ~np.isnan(drawn).all(0)
            quantiles[:, part][:, some] = np.nanquantile(drawn[:, some], LEVELS, axis=0)
    return value, *quantiles
