"""Layers by their place in a model: first, middle, last."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.measures import combination

# Fewest layers of a model that have a first, a middle and a last part; and quarters of two layers.
FEWEST = {"first": 4, "last": 4, "mid-late": 8, "recovery": 8}


def ranks(table: pd.DataFrame) -> NDArray:
    """Place of each row's layer among the layers of its model, int (n,), from 0."""
    return (table.groupby("model")["layer"].rank("dense").to_numpy() - 1).astype(int)


def depths(table: pd.DataFrame) -> NDArray:
    """Number of layers that the model of each row has in the table, int (n,)."""
    return table.groupby("model")["layer"].transform("nunique").to_numpy()


def middle_layers(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the middle half of each model's layers.

    Raises
    ------
    NotTestable: no model has four layers.
    """
    table = _deep(table, FEWEST["first"])
    return table[_middle(table)]


def later_layers(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the deepest two thirds of each model's layers."""
    return table[3 * ranks(table) >= depths(table)]


def layer_gap(part: str) -> Measure:
    """Mean norm R^2 of the ``first`` or ``last`` layer minus that of the middle half of the layers.

    ``mid-late``: of the third quarter of the layers minus the second quarter. ``recovery``: minus the
    eighth of the layers that follows.
    """
    words = {
        "first": "first layer minus middle half of the layers",
        "last": "last layer minus middle half of the layers",
        "mid-late": "third quarter of the layers minus the second quarter",
        "recovery": "third quarter of the layers minus the eighth that follows",
    }

    def measure(tables: Tables) -> Measurement:
        table = _deep(tables["fig3"], FEWEST[part])
        rank, count = ranks(table), depths(table)
        if part == "mid-late":
            quarter = 4 * rank // count
            one, other = quarter == 2, quarter == 1
        elif part == "recovery":
            one = 4 * rank // count == 2
            # Of seven eighths the last layers, where all of it drops, are not yet a part.
            other = (4 * rank // count == 3) & (8 * rank < 7 * count)
        else:
            one = rank == (0 if part == "first" else count - 1)
            other = _middle(table)
        return combination(table, "norm_r2", _share(table, one) - _share(table, other))

    return Measure(f"mean norm_r2 of {words[part]} (fig3)", measure)


def _middle(table: pd.DataFrame) -> NDArray:
    rank, count = ranks(table), depths(table)
    return (rank >= count // 4) & (rank < count - count // 4)


def _share(table: pd.DataFrame, rows: NDArray) -> NDArray:
    """Weights that average the given rows of each model, and then the models, float (n,)."""
    per_model = pd.Series(rows).groupby(table["model"].to_numpy()).transform("sum").to_numpy()
    return np.where(rows, 1 / np.maximum(per_model, 1) / table["model"].nunique(), 0.0)


def _deep(table: pd.DataFrame, fewest: int) -> pd.DataFrame:
    deep = table[depths(table) >= fewest].reset_index(drop=True)
    if deep.empty:
        raise NotTestable(f"needs {fewest} layers of one model, and the run has fewer")
    return deep
