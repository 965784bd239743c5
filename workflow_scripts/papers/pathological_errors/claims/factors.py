"""By what factor a column is larger in some rows than in others of the same layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import contrast, logarithms
from workflow_scripts.anatomy.claims.measures import DOCUMENTS, chosen, columns, said
from workflow_scripts.anatomy.claims.paired import combined, paired, weighed

LAYER = ("model", "layer")


@dataclass(frozen=True)
class Rows:
    """Rows of a table with some values in some columns."""

    table: str
    where: tuple[tuple[str, object], ...]

    @property
    def text(self) -> str:
        """How a measure's description names them."""
        return said(self.table, **dict(self.where))

    def of(self, tables: Tables) -> pd.DataFrame:
        """The rows themselves; NotTestable where there are none."""
        return chosen(tables[self.table], **dict(self.where))


def rows(table: str, **where: object) -> Rows:
    """Rows of a table, as `chosen` takes them."""
    return Rows(table, tuple(where.items()))


def factor(
    column: str, above: Sequence[Rows], below: Sequence[Rows], on: Sequence[str] = LAYER
) -> Measure:
    """Geometric mean, over what is alike in `on`, of a column in `above` over that in `below`.

    Of several rows on a side, the product of their means.
    """
    sides = [*((1.0, each) for each in above), *((-1.0, each) for each in below)]

    def measure(tables: Tables) -> Measurement:
        parts = [each.of(tables) for _, each in sides]
        keys = [set(map(tuple, part[list(on)].to_numpy())) for part in parts]
        common = set.intersection(*keys)
        if not common:
            raise NotTestable(f"no {' and '.join(on)} has all of these rows")
        kept = [_among(part, on, common) for part in parts]
        weights = [sign * _even(part, on) for (sign, _), part in zip(sides, kept, strict=True)]
        return log_sum(pd.concat(kept, ignore_index=True), column, np.concatenate(weights))

    top, bottom = (" times ".join(each.text for each in side) for side in (above, below))
    return Measure(
        f"geometric mean by {' and '.join(on)} of {column} ({top}) over that of ({bottom})", measure
    )


def log_sum(table: pd.DataFrame, column: str, weights: NDArray) -> Measurement:
    """The exponential of a weighted sum of logarithms; paired where the table has draws.

    Raises
    ------
    NotTestable: a number has no logarithm.
    """
    parts = columns(table, column)
    if not (parts[0] > 0).all():
        raise NotTestable(f"{column} is not above 0 everywhere, so it has no factor")
    found = contrast(weights, *logarithms(parts))
    resampled = weighed(weights, combined(table, [column], [1], log=True))
    return exponential(paired(found, resampled, DOCUMENTS))


def exponential(found: Measurement) -> Measurement:
    """A measurement of a logarithm as one of the number."""
    with np.errstate(over="ignore"):
        low, high = (float(np.exp(end)) for end in (found.lo, found.hi))
    return Measurement(exp(found.value), low, high, found.over)


def _among(part: pd.DataFrame, on: Sequence[str], common: set[tuple]) -> pd.DataFrame:
    keys = map(tuple, part[list(on)].to_numpy())
    return part[[key in common for key in keys]].reset_index(drop=True)


def _even(part: pd.DataFrame, on: Sequence[str]) -> NDArray:
    """Weights that average the rows of each key, and then the keys, (n,)."""
    grouped = part.groupby(list(on))
    return 1 / grouped[on[0]].transform("size").to_numpy() / grouped.ngroups
