"""Does the maximum decoder cosine tell whether adding a latent helps? Receiver operating curve (Fig. 16)."""

from collections.abc import Callable, Mapping

import numpy as np


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
