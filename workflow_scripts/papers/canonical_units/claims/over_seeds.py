"""What is measured on meta-SAEs of several seeds: the spread over these beside the error over latents."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from workflow_scripts.anatomy.claims.claim import Measurement, NotTestable
from workflow_scripts.anatomy.claims.contrasts import LEVEL, in_quadrature
from workflow_scripts.papers.canonical_units.meta.plan import SAME_DIRECTIONS

LATENTS = "latents"
SEEDS = "latents and seeds"
ONE_SEED = "latents, of one training each"
GIVEN = (
    "the L0 of these meta-SAEs is set on the very directions that it is counted on, so the mean is what was "
    "asked for, whatever the latents are made of"
)

# Trainings that differ by their seed alone, and the weight of their mean in what is measured.
Side = tuple[float, ArrayLike]


def over_seeds(found: Measurement, sides: Sequence[Side]) -> Measurement:
    """A measurement that is a weighted sum of means over seeds, with Student's interval added in quadrature.

    The spread over seeds is taken to be the same on all sides, so that two seeds of each are enough. With
    one seed of each the interval stays that over latents, and says so.
    """
    from scipy.stats import t

    values = [np.asarray(each, float) for _, each in sides]
    freedom = sum(len(each) - 1 for each in values)
    if freedom <= 0:
        return replace(found, over=ONE_SEED)
    squares = sum(float(((each - each.mean()) ** 2).sum()) for each in values)
    weight = sum(factor**2 / len(each) for (factor, _), each in zip(sides, values, strict=True))
    half = t.ppf(LEVEL, freedom) * np.sqrt(squares / freedom * weight)
    _, low, high = in_quadrature((found.value, found.lo, found.hi), half)
    return replace(found, lo=low, hi=high, over=SEEDS)


def mean_over_seeds(table: pd.DataFrame, name: str, sides: Sequence[Side]) -> Measurement:
    """Mean of a column over the rows of a table, one for each seed, as `over_seeds`.

    Latents are the same for all seeds, so their errors move together: the ends are the means of the ends.
    """
    ends = (table[f"{name}{end}"].to_numpy(float).mean() for end in ("", "_lo", "_hi"))
    return over_seeds(Measurement.of(ends, LATENTS), sides)


def given_l0(table: pd.DataFrame, column: str) -> None:
    """NotTestable where the L0 of a table was set on the directions that it is counted on."""
    if (table[column] == SAME_DIRECTIONS).any():
        raise NotTestable(GIVEN)
