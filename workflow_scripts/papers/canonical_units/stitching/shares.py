"""Which share of an SAE's latents another SAE has already, either way round (Figure 19)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from workflow_scripts.anatomy.statistics.bootstrap import LEVELS
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity


@dataclass(frozen=True)
class Latents:
    """The latents of an SAE: directions (m, d) float32, and fires (m,) bool, on the harvest."""

    directions: Tensor
    fires: np.ndarray


class Shares(NamedTuple):
    """Shares of one SAE's latents that are reconstruction latents with respect to another's.

    firing: with 95 % interval, of and among those that fire on the harvest; every: of and among all
    latents. NaN where there is none.
    """

    firing: tuple[float, float, float]
    every: tuple[float, float, float]


def reconstruction_shares(
    first: Latents, second: Latents, threshold: float
) -> tuple[Shares, Shares]:
    """Shares of reconstruction latents (Eq. 6: largest cosine at least `threshold`), both ways.

    One pass over the cosines does for both.

    Returns
    -------
    Of the second's latents with respect to the first, and of the first's with respect to the second.
    """
    likeness = similarity(first.directions, second.directions, threshold)
    left, right = likeness.edge_small, likeness.edge_large
    both = first.fires[left] & second.fires[right]
    return (
        Shares(_share(right[both], second.fires.sum()), _share(right, len(second.fires))),
        Shares(_share(left[both], first.fires.sum()), _share(left, len(first.fires))),
    )


def _share(latents: np.ndarray, of: int) -> tuple[float, float, float]:
    """Share of `of` latents that are among `latents`, which may repeat, and its 95 % interval.

    Drawing latents with replacement makes their number binomial, so that the quantiles over resamples
    need no resampling.
    """
    from scipy.stats import binom

    if of == 0:
        return np.nan, np.nan, np.nan
    share = len(np.unique(latents)) / of
    low, high = binom.ppf(LEVELS, of, share) / of
    return share, float(low), float(high)
