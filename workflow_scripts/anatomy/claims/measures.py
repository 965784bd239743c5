"""Measures that many claims share; each writes its own description."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import (
    Columns,
    contrast,
    fitted_slope,
    logarithms,
)
from workflow_scripts.anatomy.claims.counts import mean_of, with_logarithms
from workflow_scripts.anatomy.claims.paired import (
    combined,
    covers,
    drawn,
    paired,
    weighed,
)

DOCUMENTS = "documents"
SAES = "SAEs"
BOTH = "documents and SAEs"
SAE = ["model", "site", "sae"]


def columns(table: pd.DataFrame, name: str) -> Columns:
    """A column and the ends of its interval, each (n,); NaN ends where the table has none."""
    value = table[name].to_numpy(float)
    if f"{name}_lo" not in table:
        return value, np.full(len(value), np.nan), np.full(len(value), np.nan)
    return value, table[f"{name}_lo"].to_numpy(float), table[f"{name}_hi"].to_numpy(float)


def stacked(tables: Tables, names: Sequence[str]) -> pd.DataFrame:
    """The rows of those of some tables that there are, every SAE once.

    Raises
    ------
    NotTestable: there is none of them.
    """
    parts, reason = [], NotTestable("no table")
    for name in names:
        try:
            parts.append(tables[name])
        except NotTestable as missing:
            reason = missing
    if not parts:
        raise reason
    table = pd.concat(parts, ignore_index=True)
    return table.drop_duplicates(SAE, ignore_index=True) if len(parts) > 1 else table


def chosen(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """The rows with these values in these columns.

    Raises
    ------
    NotTestable: there are none.
    """
    for column, value in where.items():
        table = table[table[column] == value]
        if table.empty:
            raise NotTestable(f"no rows with {column} {value}")
    return table.reset_index(drop=True)


def said(table: str, **where: object) -> str:
    """How a measure's description names a table, or those of its rows that `chosen` takes."""
    return ", ".join([table, *(f"{column} {value}" for column, value in where.items())])


def mean_column(table: pd.DataFrame, name: str, over: str) -> Measurement:
    """Mean of a column; the ends of its interval are the means of the rows' ends."""
    return Measurement.of((part.mean() for part in columns(table, name)), over)


def combination(
    table: pd.DataFrame, name: str, weights: NDArray, over: str = DOCUMENTS
) -> Measurement:
    """Weighted sum of a column, as a measurement; paired where the table has draws."""
    found = contrast(weights, *columns(table, name))
    return paired(found, weighed(weights, drawn(table, name)), over)


def difference(
    table: pd.DataFrame, first: str, second: str, signs: NDArray | None = None
) -> Measurement:
    """Mean over rows of one column minus another one, each row times its sign, if these are given."""
    pairs = zip(columns(table, first), columns(table, second), strict=True)
    each = np.ones(len(table)) if signs is None else signs
    weights = np.concatenate([each, -each]) / len(table)
    found = contrast(weights, *map(np.concatenate, pairs))
    return paired(found, weighed(weights, drawn(table, first, second)), DOCUMENTS)


def largest_absolute(parts: Columns, over: str) -> Measurement:
    """The largest absolute value of some numbers, with the interval of that number's own."""
    value, low, high = parts
    worst = int(np.argmax(np.abs(value)))
    ends = np.abs([low[worst], high[worst]])
    nearest = 0.0 if low[worst] < 0 < high[worst] else float(ends.min())
    return Measurement(float(abs(value[worst])), nearest, float(ends.max()), over)


def lowest(names: Sequence[str], column: str, over: str = DOCUMENTS, **where: object) -> Measure:
    """The smallest number of a column; its interval goes from the lowest `lo` to the lowest `hi`."""
    return _extreme("lowest", names, column, np.min, over, where)


def highest(names: Sequence[str], column: str, over: str = DOCUMENTS, **where: object) -> Measure:
    """The largest number of a column; its interval goes from the highest `lo` to the highest `hi`."""
    return _extreme("highest", names, column, np.max, over, where)


def mean(names: Sequence[str], column: str, **where: object) -> Measure:
    """Mean of a column over its rows."""

    def measure(tables: Tables) -> Measurement:
        table = chosen(stacked(tables, names), **where)
        return combination(table, column, np.full(len(table), 1 / len(table)))

    return Measure(f"mean {column}{_of(where)} ({_all(names)})", measure)


def gap(names: Sequence[str], first: str, second: str) -> Measure:
    """Mean over SAEs of one column minus another one."""

    def measure(tables: Tables) -> Measurement:
        return difference(stacked(tables, names), first, second)

    return Measure(f"mean of {first} - {second} ({_all(names)})", measure)


def label_gap(
    name: str,
    column: str,
    by: str,
    first: str,
    second: str,
    keep: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    among: str = "",
) -> Measure:
    """Mean of a column over the rows labelled `first` in column `by`, minus that of `second`.

    keep, among: which rows take part, as a function and in words.
    """

    def measure(tables: Tables) -> Measurement:
        table = tables[name] if keep is None else keep(tables[name])
        sides = [(table[by] == label).to_numpy() for label in (first, second)]
        for label, side in zip((first, second), sides, strict=True):
            if not side.any():
                raise NotTestable(f"table {name} has no {by} {label}")
        return combination(table, column, sides[0] / sides[0].sum() - sides[1] / sides[1].sum())

    what = f"mean {column} of {first} minus {second}{', ' + among if among else ''}"
    return Measure(f"{what} ({name})", measure)


def slope(
    names: Sequence[str],
    column: str,
    by: str,
    given: Sequence[str] = (),
    minus: str | None = None,
    log: bool = False,
) -> Measure:
    """Change of a column per doubling of another one, at fixed values of others, at every site.

    A least-squares plane over the logarithms to base 2 of `by` and `given`, with a constant for each
    (model, site). With `log` the change is relative. `minus` is a column that is taken off first.
    """
    target = f"{column} - {minus}" if minus else column
    if log:
        target = f"log({column} / {minus})" if minus else column
    how = "relative change" if log and not minus else "change"
    fixed = f" at fixed {' and '.join(given)}" if given else ""

    def measure(tables: Tables) -> Measurement:
        table = with_logarithms(stacked(tables, names), (by, *given))
        design = [np.log2(table[each].to_numpy(float)) for each in (by, *given)]
        design += list(_constants(table))
        sides = [column, minus] if minus else [column]
        parts = [columns(table, name) for name in sides]
        terms = [(s, logarithms(p) if log else p) for s, p in zip((1.0, -1.0), parts, strict=False)]
        resampled = combined(table, sides, [1, -1][: len(sides)], log)
        found = fitted_slope(np.stack(design, 1), 0, terms, resampled)
        over = covers(BOTH, resampled)
        return Measurement.of(np.expm1(found) if log and not minus else found, over)

    return Measure(f"{how} of {target} per doubling of {by}{fixed} ({_all(names)})", measure)


def decrease(name: str, before: str, after: str) -> Measure:
    """Mean relative decrease from one column to another of the same SAE and tokens.

    The interval is over SAEs, as most of the sampling error of two numbers of the same tokens cancels in
    the ratio; what does not is added in quadrature where the table has draws.
    """

    def measure(tables: Tables) -> Measurement:
        table = tables[name]
        if len(table) < 2:
            raise NotTestable(f"a single SAE in table {name} tells nothing about their spread")
        ratio = np.log(table[after].to_numpy(float) / table[before].to_numpy(float))
        parts = (ratio, *np.full((2, len(ratio)), np.nan))
        resampled = combined(table, [after, before], [1, -1], log=True).mean(0)
        found = mean_of(parts, BOTH if resampled.size else SAES, resampled)
        value, low, high = (float(-np.expm1(end)) for end in (found.value, found.lo, found.hi))
        return Measurement(value, high, low, over=found.over)

    return Measure(f"mean relative decrease from {before} to {after} ({name})", measure)


def larger_of(*measures: Measure) -> Measure:
    """The larger of several measures, so that all of them are below whatever it is below."""
    return _joined("larger", np.max, measures)


def smaller_of(*measures: Measure) -> Measure:
    """The smaller of several measures, so that all of them are above whatever it is above."""
    return _joined("smaller", np.min, measures)


def negation(measure: Measure) -> Measure:
    """A measure with its sign turned round."""

    def measured(tables: Tables) -> Measurement:
        found = measure(tables)
        return replace(found, value=-found.value, lo=-found.hi, hi=-found.lo)

    return Measure(f"minus {measure.text}", measured)


def beside(measure: Measure, *others: Measure) -> Measure:
    """A measure whose note also gives the values of others, where they can be measured."""

    def measured(tables: Tables) -> Measurement:
        found = measure(tables)
        details = [found.detail] if found.detail else []
        for other in others:
            try:
                details.append(f"{other.text}: {other(tables).value:.4g}")
            except NotTestable as reason:
                details.append(f"{other.text}: {reason}")
        return replace(found, detail="; ".join(details))

    return Measure(measure.text, measured)


def _joined(word: str, pick: Callable, measures: Sequence[Measure]) -> Measure:
    def measured(tables: Tables) -> Measurement:
        found = [measure(tables) for measure in measures]
        # A number without an interval is its own lower and upper end.
        ends = [
            [each.value, *(each.value if math.isnan(end) else end for end in (each.lo, each.hi))]
            for each in found
        ]
        return Measurement.of((pick(end) for end in zip(*ends, strict=True)), found[0].over)

    return Measure(f"the {word} of {' and '.join(each.text for each in measures)}", measured)


def _extreme(
    word: str,
    names: Sequence[str],
    column: str,
    pick: Callable,
    over: str,
    where: dict[str, object],
) -> Measure:
    def measure(tables: Tables) -> Measurement:
        ends = columns(chosen(stacked(tables, names), **where), column)
        return Measurement.of((pick(end) for end in ends), over)

    return Measure(f"{word} {column}{_of(where)} ({_all(names)})", measure)


def _constants(table: pd.DataFrame) -> NDArray:
    """One indicator for each (model, site), (sites, n)."""
    site = table["model"].astype(str) + " " + table["site"].astype(str)
    return np.stack([(site == each).to_numpy(float) for each in site.unique()])


def _of(where: dict[str, object]) -> str:
    return (
        f" of {', '.join(f'{column} {value}' for column, value in where.items())}" if where else ""
    )


def _all(names: Sequence[str]) -> str:
    return ", ".join(names)
