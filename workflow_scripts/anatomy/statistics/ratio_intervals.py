"""95 % intervals of many ratios of sums at once, by resampling groups of documents."""

from collections.abc import Callable, Mapping

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


def column_intervals(
    statistic: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    sums: Mapping[str, np.ndarray],
    draws: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A statistic of every column of sums over groups, and its 95 % interval when groups are drawn.

    Every column sees the same resampled groups, those that `bootstrap.document_interval` draws with
    the same seed.

    Parameters
    ----------
    statistic: from sums (..., s), or (..., 1) of what is the same for all columns, to values (..., s).
    sums: (G, s) float64, sums per group; or (G,), of what is the same for all columns.

    Returns
    -------
    Value, 2.5 % and 97.5 % quantiles, (s,) float64 each; NaN where nothing is divided by nothing,
    and quantiles are NaN where there are fewer than two groups.
    """
    sums = {name: part[:, None] if part.ndim == 1 else part for name, part in sums.items()}
    groups = len(next(iter(sums.values())))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = statistic({name: part.sum(0) for name, part in sums.items()})
        quantiles = np.full((2, len(value)), np.nan)
        if groups < 2:
            return value, *quantiles
        weights = resampling_weights(groups, draws, seed)
        for start in range(0, len(value), COLUMNS):
            part = slice(start, start + COLUMNS)
            drawn = statistic(
                {
                    name: weights @ (each if each.shape[1] == 1 else each[:, part])
                    for name, each in sums.items()
                }
            )
            # nanquantile goes column by column, so it sees only the columns that need it.
            gaps = np.isnan(drawn).any(0)
            quantiles[:, part] = np.quantile(drawn, LEVELS, axis=0)
            some = gaps & ~np.isnan(drawn).all(0)
            quantiles[:, part][:, some] = np.nanquantile(drawn[:, some], LEVELS, axis=0)
    return value, *quantiles


def ratio_intervals(
    numerator: np.ndarray, denominator: np.ndarray, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`column_intervals` of ratios: numerator (G, s) over denominator (G,) or (G, s), float64."""
    sums = {"numerator": numerator, "denominator": denominator}
    return column_intervals(lambda s: s["numerator"] / s["denominator"], sums, draws, seed)


def ratio_draws(
    numerator: np.ndarray, denominator: np.ndarray, draws: int, seed: int
) -> np.ndarray:
    """The ratios of `ratio_intervals` in each resample, float64 (s, draws); (s, 0) of a single group.

    numerator: (G, s); denominator: (G,).
    """
    if len(numerator) < 2:
        return np.empty((numerator.shape[1], 0))
    weights = resampling_weights(len(numerator), draws, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        return ((weights @ numerator) / (weights @ denominator)[:, None]).T
