"""A quantity of an SAE, looked up in the tables that the run has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workflow_scripts.anatomy.base.draws import DRAWS, drawn
from workflow_scripts.anatomy.report.cards.cell import NO_DRAWS, Cell, finite
from workflow_scripts.anatomy.report.cards.quantities import LATENTS, Quantity, Source
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS

if TYPE_CHECKING:
    import pandas as pd

    from workflow_scripts.anatomy.report.cards.identity import Who


@dataclass(frozen=True)
class Run:
    """What there is to look things up in.

    tables: (paper, table) -> DataFrame, those that the run has. missing:
    paper -> table -> why the run has no such; a paper that the configuration has no block for is not
    among its keys.
    """

    tables: Mapping[tuple[str, str], "pd.DataFrame"]
    missing: Mapping[str, Mapping[str, str]]


def cells_of(
    quantities: list[Quantity], run: Run, who: "Who", latents: "pd.DataFrame | None"
) -> dict[str, Cell]:
    """Every quantity of one SAE, by its key.

    latents: the table of its latents, where the run has one.
    """
    cells = {q.key: _found(q, run, who, latents) for q in quantities if not q.difference}
    for each in quantities:
        if each.difference:
            cells[each.key] = _difference(each, cells)
    return {each.key: cells[each.key] for each in quantities}


def _found(quantity: Quantity, run: Run, who: "Who", latents: "pd.DataFrame | None") -> Cell:
    reasons = []
    for source in quantity.sources:
        own = source.table == LATENTS
        table = latents if own else run.tables.get((quantity.paper, source.table))
        if table is None:
            reasons.append(_why_no_table(quantity, source, run))
            continue
        path = (
            f"{LATENTS}/{who.model}/{who.site}/{who.sae}/latents.csv"
            if own
            else f"tables/{quantity.paper}/{source.table}.csv"
        )
        if source.among:
            others = run.tables.get((quantity.paper, source.among))
            if others is None or _rows(others, who, "sae").empty:
                reasons.append(_not_of_this(quantity, path))
                continue
        rows = table if own else _rows(table, who, source.sae)
        if rows.empty:
            reasons.append(_not_of_this(quantity, path))
            continue
        of_sae, rows = len(rows), rows[_chosen(rows, source.where)]
        # Of rows that are counted there may be none.
        if rows.empty and source.aggregate != "count":
            reasons.append(_not_of_this(quantity, path))
            continue
        cell = _value(rows, of_sae, source, path)
        if cell.known:
            return cell
        reasons.append(cell.reason)
    # The last place is the widest one; of equals the first says what was meant.
    return Cell(reason=reasons[0])


def _why_no_table(quantity: Quantity, source: Source, run: Run) -> str:
    if source.table == LATENTS:
        return "not measured: this run has no table of its latents"
    if quantity.paper not in run.missing:
        return f"not measured: needs `{quantity.paper}` in the configuration"
    why = run.missing[quantity.paper].get(source.table)
    return f"not measured: {why}" if why else f"not measured: needs {quantity.needs}"


def _not_of_this(quantity: Quantity, path: str) -> str:
    return f"not measured for this SAE, of which {path} has no such row: needs {quantity.needs}"


def _rows(table: "pd.DataFrame", who: "Who", sae: str) -> "pd.DataFrame":
    """The rows about an SAE, or where `sae` names no column, about its site."""
    meant = np.ones(len(table), bool)
    wanted = {"model": who.model, "site": who.site} | ({sae: who.sae} if sae else {})
    for column, value in wanted.items():
        if column in table:
            meant &= (table[column].astype(str) == value).to_numpy()
    return table[meant]


def _chosen(rows: "pd.DataFrame", where: Mapping[str, Any]) -> Any:
    chosen = np.ones(len(rows), bool)
    for column, value in where.items():
        if isinstance(value, str) and value[:1] in "<>":
            numbers = rows[column].to_numpy(float)
            bound = float(value[1:])
            chosen &= numbers > bound if value[0] == ">" else numbers < bound
        else:
            chosen &= (rows[column] == value).to_numpy()
    return chosen


def _value(rows: "pd.DataFrame", of_sae: int, source: Source, path: str) -> Cell:
    """What the rows meant say; of_sae: how many rows of the SAE there are, these among them."""
    place = Cell(table=path, column=source.column, note=source.note)
    if source.aggregate:
        return _aggregated(rows, of_sae, source, place)
    row = rows.iloc[0]
    # Some exhibits have a row of an SAE for each of their panels: the same number twice.
    if rows[source.column].nunique(dropna=False) > 1:
        return replace(place, reason=f"not one number: {path} has {len(rows)} rows of this SAE")
    value = finite(row[source.column])
    if value is None:
        return replace(place, reason=f"not a number in {path}, column {source.column}")
    ends = [finite(row.get(f"{source.column}_{end}")) for end in ("lo", "hi")]
    how, by = "", 1.0
    if source.over:
        by, how = float(row[source.over]), f"over {source.over}"
        value, ends = value / by, [None if end is None else end / by for end in ends]
    draws = NO_DRAWS
    if f"{source.column}{DRAWS}" in rows:
        found = drawn(rows.iloc[:1], source.column)
        draws = found[0] / by if found.size else NO_DRAWS
    n = finite(row.get(source.n)) if source.n else None
    return replace(
        place,
        value=value,
        lo=ends[0],
        hi=ends[1],
        n=None if n is None else int(n),
        how=how,
        draws=draws,
    )


def _aggregated(rows: "pd.DataFrame", of_sae: int, source: Source, place: Cell) -> Cell:
    """Of several rows: how many there are, or what is made of the numbers among them."""
    if source.aggregate == "count":
        return replace(place, value=float(len(rows)), n=of_sae, how="rows counted")
    numbers = rows[source.column].to_numpy(float)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return replace(place, reason=f"not a number in {place.table}, column {source.column}")
    made = {
        "mean": numbers.mean,
        "max": numbers.max,
        "min": numbers.min,
        "share_below_zero": lambda: (numbers < 0).mean(),
    }
    words = {"share_below_zero": "share below 0 of the rows"}
    how = words.get(source.aggregate, f"{source.aggregate} of the rows")
    # One row is no aggregate: then its interval is that of the number.
    if len(rows) == 1 and source.aggregate in ("mean", "max", "min"):
        ends = [finite(rows.iloc[0].get(f"{source.column}_{end}")) for end in ("lo", "hi")]
        return replace(place, value=float(numbers[0]), lo=ends[0], hi=ends[1], n=1, how="")
    return replace(place, value=float(made[source.aggregate]()), n=len(numbers), how=how)


def _difference(quantity: Quantity, cells: dict[str, Cell]) -> Cell:
    """One quantity less another; with an interval where both are known resample by resample."""
    first, second = (cells[key] for key in quantity.difference or ())
    for cell in (first, second):
        if not cell.known:
            return Cell(reason=cell.reason)
    if quantity.above:
        upper, lower = (cells[key] for key in quantity.above)
        if not upper.has_interval or not lower.has_interval:
            return Cell(reason=quantity.unless)
        assert upper.lo is not None
        assert lower.hi is not None
        if upper.lo <= lower.hi:
            return Cell(reason=quantity.unless)
    assert first.value is not None
    assert second.value is not None
    names = " less ".join(quantity.difference or ())
    made = Cell(
        value=first.value - second.value,
        n=first.n,
        table=first.table if first.table == second.table else f"{first.table}, {second.table}",
        column=f"{first.column}, {second.column}",
        how=names,
        note=first.note,
    )
    if not len(first.draws) or len(first.draws) != len(second.draws):
        return made
    draws = first.draws - second.draws
    low, high = np.nanquantile(draws, LEVELS)
    return replace(made, lo=finite(low), hi=finite(high), draws=draws)
