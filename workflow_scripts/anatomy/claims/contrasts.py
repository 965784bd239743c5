"""Intervals of differences and slopes.

Sampling error of the documents: numbers that carry only intervals of their own get a careful one. The
SAEs of a table are judged on the same documents, so their errors move together. In a weighted sum,
errors of terms with weights of one sign are taken to move together entirely, and those of the two
signs to be independent. Errors of the two sides mostly cancel in part, and the true interval is
narrower. `paired` has it, where a table has what it takes.

Spread over SAEs: the slope of a regression over SAEs has Student's interval from its residuals, which
is added in quadrature, although the residuals hold part of the documents' error already.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.anatomy.claims.claim import NotTestable
from workflow_scripts.anatomy.claims.paired import Triple, narrowed, weighed

LEVEL = 0.975
Columns = tuple[NDArray, NDArray, NDArray]


def contrast(weights: ArrayLike, values: ArrayLike, lo: ArrayLike, hi: ArrayLike) -> Triple:
    """A weighted sum of numbers with intervals, and its interval.

    All arguments (n,). Numbers without an interval (NaN) count as exact; the result has NaN ends
    where none has an interval.
    """
    w, v, low, high = (np.asarray(each, float) for each in (weights, values, lo, hi))
    value = float(w @ v)
    used = w != 0
    if np.isnan(low[used]).all() or np.isnan(high[used]).all():
        return value, np.nan, np.nan
    below = np.nan_to_num(np.maximum(v - low, 0), posinf=np.inf)
    above = np.nan_to_num(np.maximum(high - v, 0), posinf=np.inf)
    plus, minus = np.maximum(w, 0), np.maximum(-w, 0)
    down = np.hypot(_dot(plus, below), _dot(minus, above))
    up = np.hypot(_dot(plus, above), _dot(minus, below))
    return value, float(value - down), float(value + up)


def fitted_slope(
    design: NDArray,
    at: int,
    terms: Sequence[tuple[float, Columns]],
    resampled: NDArray | None = None,
) -> Triple:
    """Least-squares coefficient number `at` of a sum of terms on `design`, with its interval.

    Parameters
    ----------
    design: (n, p), with whatever constants it needs.
    terms: factors, and values (n,) with the ends of their intervals; the target is their sum.
    resampled: the target in each resample of the documents, (n, draws), where it is known.

    Raises
    ------
    NotTestable: regressors that the rows do not tell apart, or no more rows than regressors.
    """
    from scipy.stats import t

    n, p = design.shape
    if n == 0 or np.linalg.matrix_rank(design) < p:
        raise NotTestable("the table has too few different SAEs for this regression")
    if n == p:
        raise NotTestable(f"{n} rows leave nothing to judge {p} coefficients by")
    inverse = np.linalg.pinv(design)
    target = np.asarray(sum(factor * columns[0] for factor, columns in terms))
    residual = target - design @ (inverse @ target)
    weights = inverse[at]
    spread = t.ppf(LEVEL, n - p) * np.sqrt(residual @ residual / (n - p) * (weights @ weights))
    stacked = [np.concatenate([columns[part] for _, columns in terms]) for part in range(3)]
    found = contrast(np.concatenate([f * weights for f, _ in terms]), *stacked)
    if resampled is not None:
        found = narrowed(found, weighed(weights, resampled))
    return in_quadrature(found, spread)


def in_quadrature(found: Triple, half: float) -> Triple:
    """An interval with an independent error of half width `half` added; alone where its ends are not known."""
    value, low, high = found
    down, up = (0.0, 0.0) if np.isnan(low) else (value - low, high - value)
    return value, float(value - np.hypot(half, down)), float(value + np.hypot(half, up))


def logarithms(parts: Columns) -> Columns:
    """Numbers with intervals on a logarithmic scale; an interval that reaches 0 has no lower end."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value, low, high = np.log(parts[0]), np.log(parts[1]), np.log(parts[2])
    return value, np.where(parts[1] <= 0, -np.inf, low), high


def moving_blocks(length: int, draws: int, seed: int, block: int = 10) -> NDArray:
    """Indices, int64 (draws, length), of resamples of a sequence in blocks of neighbours.

    For numbers along a text, which depend on those near them.
    """
    block = min(block, length)
    starts = np.random.default_rng(seed).integers(
        0, length - block + 1, size=(draws, -(-length // block))
    )
    return (starts[..., None] + np.arange(block)).reshape(draws, -1)[:, :length]


def _dot(weights: NDArray, lengths: NDArray) -> float:
    """Weighted sum in which nothing of an infinite length is nothing."""
    return float(np.where(weights > 0, weights * np.where(weights > 0, lengths, 0), 0).sum())
