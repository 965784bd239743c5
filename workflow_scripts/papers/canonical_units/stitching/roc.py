"""Does the maximum decoder cosine tell whether adding a latent helps? Receiver operating curve (Fig. 16)."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.statistics.bootstrap import context_interval


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


def area_statistic(
    max_cosine: np.ndarray,
) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """A statistic for `bootstrap.context_interval`: sums ``change`` (..., s) to the area (...).

    The area is the probability that a latent that helps has a lower maximum cosine than one that
    does not, ties counted half; NaN where all help or none does.
    """
    from scipy.stats import rankdata

    ranks = rankdata(max_cosine)

    def area(sums: Mapping[str, np.ndarray]) -> np.ndarray:
        hurts = (sums["change"] >= 0).astype(np.float64)
        bad = hurts.sum(-1)
        good = len(ranks) - bad
        with np.errstate(divide="ignore", invalid="ignore"):
            return (hurts @ ranks - bad * (bad + 1) / 2) / (bad * good)

    return area


def curve_table(
    max_cosine: np.ndarray, change: np.ndarray, points: int, draws: int, seed: int
) -> pd.DataFrame:
    """The curve at up to `points` of its thresholds, evenly spaced, and its area with interval.

    Parameters
    ----------
    max_cosine: (s,) of Eq. 6. change: (G, s), change of the summed squared error of each group of
        contexts when a latent is added alone.
    """
    curve = receiver_curve(max_cosine, change.sum(0) < 0)
    shown = np.unique(np.linspace(0, len(curve[0]) - 1, points).round().astype(np.int64))
    columns = {
        name: part[shown] for name, part in zip(("threshold", "fpr", "tpr"), curve, strict=True)
    }
    area = context_interval(area_statistic(max_cosine), {"change": change}, draws, seed)
    return pd.DataFrame(columns).assign(**with_interval("auc", area))
