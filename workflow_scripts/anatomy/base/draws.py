"""Values of a table's estimates in each resample of the documents, kept beside the table.

Estimates of one table, and of several, are resampled over the same documents, so a difference or a
slope has its interval from the differences or slopes of single resamples, whatever these numbers have
in common. In memory the values are columns `<name>_draws`, an array (draws,) float32 in every row that
has them and NaN in the others: rows are chosen, sorted and stacked as ever. On disk they are an npz
file, as csv would be unreadable and ten times as large.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import write_arrays

DRAWS = "_draws"


class Estimate(tuple[float, float, float]):
    """Value and the ends of its 95 % interval, a tuple of three that also knows its resamples.

    draws: the value in each resample, float64 (draws,); empty where there was nothing to resample.
    """

    draws: NDArray

    def __new__(cls, value: float, low: float, high: float, draws: NDArray) -> "Estimate":
        made = super().__new__(cls, (value, low, high))
        made.draws = draws
        return made


def cell(draws: NDArray) -> NDArray | float:
    """What a row has in its column of draws."""
    return draws.astype(np.float32) if len(draws) else np.nan


def drawn(table: pd.DataFrame, name: str) -> NDArray:
    """The values of a column in each resample, float64 (rows, draws); NaN in rows that have none.

    (rows, 0) where no row has any, or not all have as many.
    """
    cells = table.get(f"{name}{DRAWS}", pd.Series(np.nan, table.index)).tolist()
    sizes = {len(each) for each in cells if isinstance(each, np.ndarray)}
    if len(sizes) != 1:
        return np.empty((len(table), 0))
    found = np.full((len(table), sizes.pop()), np.nan)
    for row, each in enumerate(cells):
        found[row] = each
    return found


def without_draws(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is written: without what `save_draws` writes."""
    return table.drop(columns=_columns(table))


def save_draws(path: str | Path, table: pd.DataFrame) -> None:
    """Write the columns of draws of a table, whole or not at all; the same table gives the same bytes."""
    arrays: dict[str, Any] = {"rows": np.array(len(table))}
    for column in _columns(table):
        kept = [at for at, each in enumerate(table[column]) if isinstance(each, np.ndarray)]
        arrays[f"{column}/rows"] = np.array(kept, np.int64)
        arrays[f"{column}/values"] = np.array([table[column].iloc[at] for at in kept], np.float32)
    write_arrays(path, arrays)


def with_draws_of(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """A table as `read_table` reads it, and the columns that `save_draws` wrote.

    Raises
    ------
    AnatomyError: they are not those of this table.
    """
    with np.load(path) as arrays:
        if arrays["rows"] != len(table):
            raise AnatomyError(
                f"{path}: made for {arrays['rows']} rows, and the table has {len(table)}; "
                "delete both files and rerun"
            )
        columns = {}
        for key in arrays.files:
            column, _, part = key.rpartition("/")
            if part != "values":
                continue
            cells = pd.Series(np.nan, table.index, dtype=object)
            for at, values in zip(arrays[f"{column}/rows"], arrays[key], strict=True):
                cells.iat[at] = values
            columns[column] = cells
    return table.assign(**columns)


def _columns(table: pd.DataFrame) -> list[str]:
    return [name for name in table if str(name).endswith(DRAWS)]
