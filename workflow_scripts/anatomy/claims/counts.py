"""Shares, means and trends over latents, swaps and components, with intervals that count them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.anatomy.claims.claim import Measurement, NotTestable
from workflow_scripts.anatomy.claims.contrasts import LEVEL, Columns, contrast, in_quadrature
from workflow_scripts.anatomy.claims.paired import covers, narrowed

ALIKE = ["model", "site", "trained_as", "architecture", "seed"]
PAIR = ["model", "site", "sae_small", "sae_large"]


def share(count: int, of: int, over: str) -> Measurement:
    """A share with the exact binomial (Clopper-Pearson) interval.

    Raises
    ------
    NotTestable: it is a share of nothing.
    """
    if of == 0:
        raise NotTestable(f"there are no {over.split(',')[0].split(' and ')[-1]} to count")
    return _doubted(count, of, count, 0.0, over)


def share_below_zero(parts: Columns, over: str) -> Measurement:
    """Share of numbers below 0, each of which is with a chance that its interval tells.

    The error of a number is taken for normal, its standard error from the end of the interval that is
    towards 0.

    Raises
    ------
    NotTestable: there are none.
    """
    from scipy.stats import norm

    value, low, high = parts
    if len(value) == 0:
        raise NotTestable(f"there are no {over.split(' and ')[-1]} to count")
    below = value < 0
    reach = np.where(below, high - value, value - low)
    # Without an interval, or with one of no length, a number is what it is.
    error = np.fmax(reach, 0) / norm.ppf(LEVEL)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.where(error > 0, norm.cdf(-value / error), below)
    variance = float((chance * (1 - chance)).sum())
    return _doubted(int(below.sum()), len(value), float(chance.sum()), variance, over)


def _doubted(count: int, of: int, expected: float, variance: float, over: str) -> Measurement:
    """A share with the exact binomial interval, and the doubt about its members.

    expected, variance: of the number of members if each is drawn by its chance. Added in quadrature
    are the spread of that number and, on its side, its distance, since errors that members share may
    move them together. Errors of numbers that are counted by their sign have moved the share towards
    `expected` by about that distance: the other end lies beyond.
    """
    from scipy.stats import binomtest, norm

    value, shift = count / of, (count - expected) / of
    exact = binomtest(count, of).proportion_ci(2 * LEVEL - 1)
    doubt = norm.ppf(LEVEL) * np.sqrt(variance) / of
    down = np.linalg.norm([value - exact.low, doubt, max(shift, 0)])
    up = np.linalg.norm([exact.high - value, doubt, max(-shift, 0)])
    low = value + min(shift, 0) - down
    high = value + max(shift, 0) + up
    return Measurement(value, float(np.maximum(low, 0)), float(np.minimum(high, 1)), over)


def negated(parts: Columns) -> Columns:
    """The numbers with their sign turned round, and the ends exchanged."""
    value, low, high = parts
    return -value, -high, -low


def minus(first: Columns, second: Columns) -> Columns:
    """Row by row one minus the other, the errors of both sides independent."""
    rows = zip(*first, *second, strict=True)
    found = [contrast([1, -1], row[::3], row[1::3], row[2::3]) for row in rows]
    return tuple(np.array(found).reshape(-1, 3).T)  # type: ignore[return-value]


def mean_of(parts: Columns, over: str, resampled: NDArray | None = None) -> Measurement:
    """Mean of numbers with intervals of their own, whose errors move together, and with a spread.

    Student's interval of the spread and the mean error are added in quadrature, although the spread
    holds part of the error already. resampled: the mean in each resample of the documents, (draws,).

    Raises
    ------
    NotTestable: there are fewer than two.
    """
    from scipy.stats import t

    value = parts[0]
    n = len(value)
    if n < 2:
        raise NotTestable(f"{n} of them tell nothing about their spread")
    found = contrast(np.full(n, 1 / n), *parts)
    if resampled is not None:
        found, over = narrowed(found, resampled), covers(over, resampled)
    spread = t.ppf(LEVEL, n - 1) * value.std(ddof=1) / np.sqrt(n)
    return Measurement.of(in_quadrature(found, spread), over)


def mean_over(values: ArrayLike, over: str) -> Measurement:
    """Mean of independent numbers with Student's interval, as `mean_of`."""
    value = np.asarray(values, float)
    return mean_of((value, *np.full((2, len(value)), np.nan)), over)


def trend_of_means(groups: Sequence[ArrayLike], at: ArrayLike, over: str) -> Measurement:
    """Relative change of the mean of groups of positive numbers per unit of `at`, (groups,).

    Least squares through the logarithms of the means; the interval is Welch's, from each group's own
    spread, so groups may differ in size and spread.

    Raises
    ------
    NotTestable: fewer than two groups have a spread and a mean above 0.
    """
    from scipy.stats import t

    samples = [np.asarray(group, float) for group in groups]
    kept = [len(each) > 1 and each.mean() > 0 for each in samples]
    x = np.asarray(at, float)[kept]
    samples = [each for each, keep in zip(samples, kept, strict=True) if keep]
    if len(np.unique(x)) < 2:
        raise NotTestable("fewer than two pairs of SAEs to compare")
    mean = np.array([each.mean() for each in samples])
    size = np.array([len(each) for each in samples])
    variance = np.array([each.var(ddof=1) for each in samples]) / size / mean**2
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    parts = weights**2 * variance
    slope = float(weights @ np.log(mean))
    if parts.sum() == 0:
        return Measurement(float(np.expm1(slope)))
    freedom = parts.sum() ** 2 / (parts**2 / (size - 1)).sum()
    half = t.ppf(LEVEL, freedom) * np.sqrt(parts.sum())
    ends = np.expm1([slope, slope - half, slope + half])
    return Measurement.of(ends, over)


def histogram_skewness(middle: NDArray, count: NDArray, seed: int, over: str) -> Measurement:
    """Skewness of binned numbers, its interval from a thousand resamples of what was counted.

    middle: (bins,) float, centres; count: (bins,) int.

    Raises
    ------
    NotTestable: all are in one bin, or there are none.
    """
    total = int(count.sum())
    if total == 0:
        raise NotTestable("there is nothing in the bins")
    drawn = np.random.default_rng(seed).multinomial(total, count / total, size=1000)

    def skewness(counts: NDArray) -> NDArray:
        weight = counts / total
        centred = middle - (weight @ middle)[..., None]
        moments = [(weight * centred**power).sum(-1) for power in (2, 3)]
        with np.errstate(divide="ignore", invalid="ignore"):
            return moments[1] / moments[0] ** 1.5

    value = float(skewness(count[None])[0])
    if np.isnan(value):
        raise NotTestable("all numbers are in one bin")
    return Measurement.of((value, *np.nanquantile(skewness(drawn), [1 - LEVEL, LEVEL])), over)


def with_logarithms(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The rows whose numbers of these names have logarithms; an SAE for which nothing fires has an L0 of 0.

    Raises
    ------
    NotTestable: there are none.
    """
    kept = (table[list(names)] > 0).all(axis=1)
    if not kept.any():
        raise NotTestable(f"no SAE has a {' and a '.join(names)} above 0")
    return table[kept].reset_index(drop=True)


def consecutive_sizes(table: pd.DataFrame, nearest: float) -> list[tuple[int, int, float]]:
    """Rows of SAEs alike but for their width: of one size, of the next larger one, and octaves apart.

    Alike are SAEs of one model, site, training, architecture and seed whose L0s are within the factor
    `nearest`; of several the nearest in L0 is taken. One for which nothing fires is near none.
    """
    found = []
    table = table[table["l0"] > 0]
    for _, part in table.groupby(ALIKE, dropna=False):
        widths = sorted(part["width"].unique())
        for width, larger in pairwise(widths):
            others = part[part["width"] == larger]
            for row, l0 in part.loc[part["width"] == width, "l0"].items():
                ratio = np.exp(np.abs(np.log(others["l0"] / l0)))
                if ratio.min() <= nearest:
                    found.append((row, ratio.idxmin(), float(np.log2(larger / width))))
    return found
