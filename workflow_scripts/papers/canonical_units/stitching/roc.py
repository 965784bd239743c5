"""Does the maximum decoder cosine tell whether adding a latent helps? Receiver operating curve (Fig. 16).

Whether a latent helps is known only up to the sampling error of the tokens, and every latent that is
taken for the wrong kind moves the area towards 1/2. A bootstrap of documents adds that error a second
time, so its areas lie lower still, systematically, and their quantiles are no interval of the area.
What the bootstrap does tell is how the area falls with the error: `corrected_area` extrapolates it back
to none (SIMEX; Cook and Stefanski, 1994).
"""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS, resampling_weights

# Variances of the error that areas are taken at, in units of that of the data themselves, the first.
ERRORS = (1.0, 1.5, 2.0, 3.0)
PART = 100  # resamples at a time


def receiver_curve(
    max_cosine: np.ndarray, helps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ROC of calling latents novel, and so helpful, whose maximum cosine is below a threshold.

    Parameters
    ----------
    max_cosine: (s,) of Eq. 6. helps: (s,) bool, adding the latent lowers the MSE.

    Returns
    -------
    Thresholds, ascending, with the false and true positive rate of each; the first calls nothing
    novel, the last, infinity, everything. Rates are NaN where there is no latent to be wrong about.
    """
    thresholds, inverse = np.unique(max_cosine, return_inverse=True)
    rates = []
    for side in (~helps, helps):
        counts = np.bincount(inverse[side], minlength=len(thresholds))
        with np.errstate(invalid="ignore"):
            rates.append(np.concatenate([[0], np.cumsum(counts)]) / side.sum())
    return np.concatenate([thresholds, [np.inf]]), rates[0], rates[1]


def areas(max_cosine: np.ndarray, helps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under the curve (n,) for each row of `helps` (n, s), and each latent's influence (n, s).

    The area is the probability that a latent that helps has a lower maximum cosine than one that
    does not, ties counted half; NaN where all help or none does. A latent's influence is its
    placement among those of the other kind, about the area, over the number of its own kind: the sum
    of squares is the variance of the area over latents (DeLong et al., 1988).
    """
    _, starts, inverse = np.unique(np.sort(max_cosine), return_index=True, return_inverse=True)
    order = np.argsort(max_cosine, kind="stable")
    good = helps[:, order].astype(np.float64)
    below = []
    for side in (good, 1 - good):
        counts = np.add.reduceat(side, starts, axis=1)
        below.append((counts.cumsum(1) - counts / 2)[:, inverse])
    n_good = good.sum(1, keepdims=True)
    n_bad = len(max_cosine) - n_good
    with np.errstate(divide="ignore", invalid="ignore"):
        placement = np.where(good > 0, 1 - below[1] / n_bad, below[0] / n_good)
        area = (placement * good).sum(1, keepdims=True) / n_good
        influence = np.empty_like(good)
        influence[:, order] = (placement - area) / np.where(good > 0, n_good, n_bad)
    return area[:, 0], influence


def corrected_area(
    max_cosine: np.ndarray, change: np.ndarray, draws: int, seed: int
) -> tuple[float, float, float]:
    """The area if the sign of every latent's change were known, and its 95 % interval.

    A parabola through the areas at `ERRORS` is followed to an error of nothing. The interval is that
    of independent latents, by their influence on the extrapolated area, and, added in quadrature, the
    spread of the area over resampled documents, whose errors latents share. It holds part of the
    former once more, which is on the careful side.

    Parameters
    ----------
    max_cosine: (s,) of Eq. 6. change: (G, s), change of the summed squared error of each group of
        contexts when a latent is added alone.

    Returns
    -------
    Value and ends; the ends are NaN, and nothing is corrected, with fewer than two groups.
    """
    from scipy.stats import norm

    total, groups = change.sum(0), len(change)
    (area,), influence = areas(max_cosine, total[None] < 0)
    if groups < 2 or np.isnan(area):
        return float(area), np.nan, np.nan
    weights = resampling_weights(groups, draws, seed) - 1
    found, influences, spread = [area], [influence[0]], 0.0
    for error in ERRORS[1:]:
        drawn, sums = [], np.zeros(len(total))
        for start in range(0, draws, PART):
            noise = weights[start : start + PART] @ change
            some, each = areas(max_cosine, total + np.sqrt(error - 1) * noise < 0)
            drawn.append(some)
            sums += np.nan_to_num(each).sum(0)
        values = np.concatenate(drawn)
        if np.isnan(values).all():
            return float(area), np.nan, np.nan
        found.append(np.nanmean(values))
        influences.append(sums / np.isfinite(values).sum())
        if error == 2:
            spread = float(np.nanstd(values))
    extrapolation = np.linalg.pinv(np.vander(ERRORS, 3, increasing=True))[0]
    value = float(np.clip(extrapolation @ found, 0, 1))
    error = np.hypot(np.linalg.norm(extrapolation @ np.array(influences)), spread)
    low, high = np.clip(value + norm.ppf(LEVELS) * error, 0, 1)
    return value, float(low), float(high)


def curve_table(
    max_cosine: np.ndarray, change: np.ndarray, points: int, draws: int, seed: int
) -> pd.DataFrame:
    """The curve at up to `points` of its thresholds, evenly spaced, and the area.

    ``auc`` is the corrected one with its interval, ``auc_of_curve`` that under the curve as it is.

    Parameters
    ----------
    max_cosine, change: as in `corrected_area`.
    """
    helps = change.sum(0) < 0
    curve = receiver_curve(max_cosine, helps)
    shown = np.unique(np.linspace(0, len(curve[0]) - 1, points).round().astype(np.int64))
    columns = {
        name: part[shown] for name, part in zip(("threshold", "fpr", "tpr"), curve, strict=True)
    }
    about = with_interval("auc", corrected_area(max_cosine, change, draws, seed))
    about["auc_of_curve"] = areas(max_cosine, helps[None])[0][0]
    return pd.DataFrame(columns).assign(**about)
