"""95 % intervals by resampling contexts, because tokens of one context are not independent."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

LEVELS = (0.025, 0.975)

# Contexts are resampled in at most so many groups of neighbours, so that what is kept per group does
# not grow with the number of tokens; neighbours often share a document, which makes groups of them
# the more careful choice too.
N_GROUPS = 256


def group_of_contexts(contexts: slice, of: int) -> np.ndarray:
    """The group, int64 (c,), of each context of a slice out of `of` contexts."""
    numbers = np.arange(contexts.start, contexts.stop, dtype=np.int64)
    return numbers if of <= N_GROUPS else numbers * N_GROUPS // of


def context_interval(
    statistic: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    sums: Mapping[str, np.ndarray],
    draws: int,
    seed: int,
) -> tuple[float, float, float]:
    """Value of a statistic and its 95 % interval when contexts are drawn with replacement.

    Parameters
    ----------
    statistic: from sums over contexts, arrays (..., whatever), to values (...).
    sums: per context sums, arrays (C, whatever); contexts without tokens add nothing.
    draws: number of resamples.
    seed: seed of the resampling; the same seed gives the same contexts to every statistic.

    Returns
    -------
    The value on all contexts, and the 2.5 % and 97.5 % quantiles over the resamples. The value is
    NaN where there is no context, the interval where there are fewer than two.
    """
    contexts = len(next(iter(sums.values())))
    value = float(statistic({name: part.sum(0) for name, part in sums.items()}))
    if contexts < 2:
        return value, np.nan, np.nan
    values = []
    # In parts, so that memory is bounded by the width of the sums and not by the number of draws.
    weights = resampling_weights(contexts, draws, seed)
    for start in range(0, draws, 100):
        part_of_draws = weights[start : start + 100]
        resampled = {
            name: (part_of_draws @ part.reshape(contexts, -1)).reshape(-1, *part.shape[1:])
            for name, part in sums.items()
        }
        values.append(statistic(resampled))
    low, high = np.nanquantile(np.concatenate(values), LEVELS)
    return value, float(low), float(high)


@cache
def resampling_weights(contexts: int, draws: int, seed: int | tuple[int, ...]) -> np.ndarray:
    """How often each context is drawn in each resample, (draws, contexts) float64."""
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(contexts, np.full(contexts, 1 / contexts), size=draws)
    return counts.astype(np.float64)


def data_and_resamples(of: int, draws: int, seed: int | tuple[int, ...]) -> np.ndarray:
    """The data themselves, each once, and then `draws` resamples of them, (1 + draws, of) float64."""
    return np.concatenate([np.ones((1, of)), resampling_weights(of, draws, seed)])


def r2_from_sums(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """R^2 of a scalar target from sums (...) named count, target, target2, residual2."""
    total = sums["target2"] - sums["target"] ** 2 / sums["count"]
    return 1 - sums["residual2"] / total


def mean_r2_from_sums(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """R^2 of a vector target: the mean over output dimensions of each dimension's R^2.

    Sums are (..., d) arrays named target, target2, residual2, and count (...).
    """
    count = np.asarray(sums["count"])[..., None]
    total = sums["target2"] - sums["target"] ** 2 / count
    return (1 - sums["residual2"] / total).mean(-1)


def fvu_from_sums(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Fraction of variance unexplained: squared residuals over squares about the mean, all dimensions."""
    count = np.asarray(sums["count"])[..., None]
    total = (sums["target2"] - sums["target"] ** 2 / count).sum(-1)
    return sums["residual2"].sum(-1) / total
