"""Small changes to the tables of a world, of which each contradicts one claim.

Every function returns a change: a function from a world to one in which some tables are others. Where a
changed column has an interval, it is a very narrow one about the new number.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.papers.dark_matter.worlds import with_ends

World = dict[str, pd.DataFrame]
Change = Callable[[World], World]


def curve(tables: str, column: str, numbers: Callable, **where: object) -> Change:
    """Rows with these values in these columns get what `numbers` makes of them."""

    def change(world: World) -> World:
        changed = {}
        for name in tables.split():
            table = world[name].copy()
            kept = np.ones(len(table), bool)
            for by, value in where.items():
                kept &= (table[by] == value).to_numpy()
            assert kept.any(), f"no row of {name} with {where}"
            table[column] = table[column].astype(float)
            table.loc[kept, column] = np.asarray(numbers(table[kept]), float)
            if f"{column}_lo" in table:
                narrow = with_ends(table[kept].copy(), column)
                for end in (f"{column}_lo", f"{column}_hi"):
                    table.loc[kept, end] = narrow[end]
            changed[name] = table
        return world | changed

    return change


def every(tables: str, column: str, value: float, **where: object) -> Change:
    """All of these rows get one number."""
    return curve(tables, column, lambda rows: np.full(len(rows), value), **where)


def row(table: str, column: str, value: float, at: int = 0) -> Change:
    """One row of a table gets another number."""
    return curve(table, column, lambda rows: _with(rows[column], at, value))


def moved(tables: str, column: str, by: float, **where: object) -> Change:
    """Something is added to these rows."""
    return curve(tables, column, lambda rows: rows[column] + by, **where)


def scaled(tables: str, column: str, by: float, **where: object) -> Change:
    """These rows are multiplied."""
    return curve(tables, column, lambda rows: rows[column] * by, **where)


def tilted(tables: str, column: str, along: str, by: float) -> Change:
    """Something is added per doubling of another column."""
    return curve(tables, column, lambda rows: rows[column] + by * _octaves(rows[along]))


def grown(tables: str, column: str, along: str, by: float) -> Change:
    """A factor per doubling of another column."""
    return curve(tables, column, lambda rows: rows[column] * by ** _octaves(rows[along]))


def below_zero(table: str, column: str, share: float, **where: object) -> Change:
    """This share of the rows is below 0, spread evenly; sizes stay as they are."""

    def numbers(rows: pd.DataFrame) -> pd.Series:
        sign = np.where((np.arange(len(rows)) * share) % 1 < share, -1, 1)
        return rows[column].abs() * sign

    return curve(table, column, numbers, **where)


def replaced(**tables: pd.DataFrame) -> Change:
    """Whole tables are others."""
    return lambda world: world | tables


def all_of(*changes: Change) -> Change:
    """One change after the other."""

    def change(world: World) -> World:
        for each in changes:
            world = each(world)
        return world

    return change


def _octaves(values: pd.Series) -> pd.Series:
    return np.log2(values / values.min())


def _with(values: pd.Series, at: int, value: float) -> np.ndarray:
    changed = values.to_numpy(float).copy()
    changed[at] = value
    return changed
