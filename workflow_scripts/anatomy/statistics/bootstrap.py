"""95 % intervals by resampling documents, because tokens of one document are not independent."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from workflow_scripts.anatomy.base.draws import Estimate

LEVELS = (0.025, 0.975)


def document_interval(
    statistic: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    sums: Mapping[str, np.ndarray],
    draws: int,
    seed: int,
) -> Estimate:
    """Value of a statistic and its 95 % interval when documents are drawn with replacement.

    Parameters
    ----------
    statistic: from sums over documents, arrays (..., whatever), to values (...).
    sums: sums of each document, or group of them, arrays (G, whatever).
    draws: number of resamples.
    seed: seed of the resampling; the same seed gives the same documents to every statistic.

    Returns
    -------
    The value on all documents, and the 2.5 % and 97.5 % quantiles over the resamples; with the value
    in each of these. The value is NaN where there is no document, the interval where there are fewer
    than two, and then there are no resamples.
    """
    units = len(next(iter(sums.values())))
    value = float(statistic({name: part.sum(0) for name, part in sums.items()}))
    if units < 2:
        return Estimate(value, np.nan, np.nan, np.empty(0))
    values = []
    # In parts, so that memory is bounded by the width of the sums and not by the number of draws.
    weights = resampling_weights(units, draws, seed)
    for start in range(0, draws, 100):
        part_of_draws = weights[start : start + 100]
        resampled = {
            name: (part_of_draws @ part.reshape(units, -1)).reshape(-1, *part.shape[1:])
            for name, part in sums.items()
        }
        values.append(statistic(resampled))
    found = np.concatenate(values)
    low, high = np.nanquantile(found, LEVELS)
    return Estimate(value, float(low), float(high), found)


def about_its_value(found: Estimate) -> Estimate:
    """An interval moved so that the mean of its resamples is the value.

    For statistics that noise moves one way, as it lowers an R^2: resamples have that of the data and as
    much again, so they lie below the value and may leave it outside. What is left is the spread over
    other documents, about what as many documents give on average.
    """
    if not len(found.draws):
        return found
    value, low, high = found
    shift = value - float(np.nanmean(found.draws))
    return Estimate(value, low + shift, high + shift, found.draws + shift)


@cache
def resampling_weights(units: int, draws: int, seed: int | tuple[int, ...]) -> np.ndarray:
    """How often each unit is drawn in each resample, (draws, units) float64."""
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(units, np.full(units, 1 / units), size=draws)
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
