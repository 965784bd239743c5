"""Intervals of what is made of several estimates, from their values in each resample of the documents.

Estimates that a table has draws of were resampled over the same documents. Whatever is made of them is
made in every resample, and the interval is that of the results: what the estimates have in common
cancels or adds up as it does in the documents. Where a table has no draws, as one that was not made
here, the careful rule of `contrasts` stands.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.anatomy.base.draws import drawn as drawn_column
from workflow_scripts.anatomy.claims.claim import Measurement

Triple = tuple[float, float, float]
ENDS = (0.025, 0.975)


def drawn(table: pd.DataFrame, *names: str) -> NDArray:
    """Columns one below the other in each resample, (columns * rows, draws); NaN where a row has none.

    (columns * rows, 0) where a column has none at all.
    """
    found = [drawn_column(table, name) for name in names]
    size = min(part.shape[1] for part in found)
    alike = all(part.shape[1] == size for part in found)
    return np.concatenate([part[:, : size * alike] for part in found])


def combined(
    table: pd.DataFrame, names: Sequence[str], factors: Sequence[float], log: bool = False
) -> NDArray:
    """Row by row a weighted sum of columns, or of their logarithms, in each resample, (rows, draws).

    (rows, 0) where a column has no draws, or one that has no logarithm.
    """
    parts = drawn(table, *names)
    parts = parts.reshape(len(names), len(table), parts.shape[1])
    if log and (parts <= 0).any():
        return np.empty((len(table), 0))
    parts = np.log(parts) if log else parts
    return np.tensordot(factors, parts, 1)


def weighed(weights: ArrayLike, values: NDArray) -> NDArray:
    """A weighted sum in each resample, (draws,), of values (n, draws); NaN where a term has none."""
    w = np.asarray(weights, float)
    return w[w != 0] @ values[w != 0]


def is_paired(resampled: NDArray) -> bool:
    """Whether there is a number in any resample."""
    return not np.isnan(resampled).all()


def narrowed(found: Triple, resampled: NDArray) -> Triple:
    """The value, and the interval from its resamples (draws,); as it was found where there are none."""
    if not is_paired(resampled):
        return found
    low, high = np.nanquantile(resampled, ENDS)
    return found[0], float(low), float(high)


def paired(found: Triple, resampled: NDArray, over: str) -> Measurement:
    """As `narrowed`, as a measurement that says which of the two its interval is."""
    return Measurement.of(narrowed(found, resampled), covers(over, resampled))


def covers(over: str, resampled: NDArray) -> str:
    """What an interval covers, and if that is documents, whether they are paired."""
    return over.replace("documents", "paired documents") if is_paired(resampled) else over
