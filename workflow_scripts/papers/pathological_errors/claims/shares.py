"""What part of the gap between Sae(x) and isotropic random errors another random error has."""

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import contrast
from workflow_scripts.anatomy.claims.measures import DOCUMENTS, chosen, columns
from workflow_scripts.anatomy.claims.paired import drawn, paired

RANDOM = "epsilon_random"


def share_of_gap(name: str) -> Measure:
    """Mean over layers of the logarithm of KL over that of ``epsilon_random``, over the same of Sae(x)."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(tables["controls"], baseline=RANDOM)
        parts = [chosen(table, intervention=each) for each in (name, "sae")]
        one, all_of_it = (_mean_log(part) for part in parts)
        if all_of_it[0] <= 0:
            raise NotTestable("Sae(x) is no worse than random errors, so there is no gap")
        # Relative to the gap as measured; in resamples relative to each one's own.
        bare = contrast([1 / all_of_it[0]], [one[0]], [one[1]], [one[2]])
        draws = [np.log(drawn(part, "ratio")).mean(0) for part in parts]
        resampled = draws[0] / draws[1] if draws[0].shape == draws[1].shape else np.empty(0)
        return paired(bare, resampled, DOCUMENTS)

    return Measure(
        f"mean log ratio of {name} over mean log ratio of sae, both over {RANDOM} (controls)",
        measure,
    )


def _mean_log(part: pd.DataFrame) -> tuple[float, float, float]:
    with np.errstate(divide="ignore", invalid="ignore"):
        value, low, high = (np.log(end).mean() for end in columns(part, "ratio"))
    return float(value), float(np.nan_to_num(low, nan=-np.inf)), float(high)
