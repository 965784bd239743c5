"""Changes of a column from one row of a table to another, relative to what it is in a third."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.claims.claim import Measurement
from workflow_scripts.anatomy.claims.contrasts import contrast
from workflow_scripts.anatomy.claims.measures import DOCUMENTS, columns
from workflow_scripts.anatomy.claims.paired import drawn, paired

# Places of rows: a change is (column[after] - column[before]) / column[of].
Step = tuple[int, int, int]


def mean_change(table: pd.DataFrame, column: str, steps: Sequence[Step]) -> Measurement:
    """Mean relative change over steps; in every resample relative to what the column is there."""
    weights, value = np.zeros(len(table)), table[column].to_numpy(float)
    for after, before, of in steps:
        weights[after] += 1 / value[of] / len(steps)
        weights[before] -= 1 / value[of] / len(steps)
    rows = drawn(table, column)
    changes = [(rows[after] - rows[before]) / rows[of] for after, before, of in steps]
    found = contrast(weights, *columns(table, column))
    return paired(found, np.mean(changes, axis=0), DOCUMENTS)
