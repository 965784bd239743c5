"""How much two ways of removing a capability disturb elsewhere when they remove as much of it."""

import numpy as np
from numpy.typing import NDArray

# Shares of the capability at which ways of removing it are compared.
LEVELS = (0.25, 0.5, 0.75, 0.9)


def kl_at(removed: NDArray, kl: NDArray, level: float) -> NDArray:
    """KL at which a path first removes a share of the capability, (draws,) float64; NaN if it never does.

    The root of KL is taken as linear in the share between neighbouring points, beginning from nothing at
    no KL: for small edits KL grows as the square of their size, and what is removed in step with it.

    removed, kl: (draws, points), along the path.
    """
    before = np.zeros((len(removed), 1))
    share = np.concatenate([before, removed], 1)
    size = np.sqrt(np.concatenate([before, kl], 1))
    reached = share[:, 1:] >= level
    first = reached.argmax(1)[:, None]
    low, high = (np.take_along_axis(share, first + at, 1)[:, 0] for at in (0, 1))
    from_, to = (np.take_along_axis(size, first + at, 1)[:, 0] for at in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (from_ + (level - low) / (high - low) * (to - from_)) ** 2
    return np.where(reached.any(1), found, np.nan)


def log_ratios(own: NDArray, other: NDArray) -> NDArray:
    """log(own / other) of KLs as of `kl_at`, (draws,): infinite where only one of the two gets there."""
    ratio = np.log(own) - np.log(other)
    ratio = np.where(np.isnan(own) & ~np.isnan(other), np.inf, ratio)
    return np.where(np.isnan(other) & ~np.isnan(own), -np.inf, ratio)
