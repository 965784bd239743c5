"""How much better one SAE architecture is than another, cell by cell of Fig. 7 and 8."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.anatomy.claims.claim import Measure, Measurement, NotTestable, Tables
from workflow_scripts.anatomy.claims.contrasts import LEVEL, contrast
from workflow_scripts.anatomy.claims.measures import chosen, columns, smaller_of
from workflow_scripts.anatomy.claims.paired import covers, drawn, narrowed

CELL = ["model", "site", "width", "k"]
SEEDS = "documents and seeds"
ONE_SEED = "documents, of one training each"
BATCHTOPK = "batchtopk"


@dataclass(frozen=True)
class Cell:
    """By how much BatchTopK is lower than another architecture at one width and k, relative to that.

    down, up: how far the interval over documents reaches; resampled: the value in each resample of these,
    (draws,), where the table has them. seeds: 1 / n + 1 / n of the two sides.
    deviations: of single trainings from the mean of their side; freedom: how many of these are free.
    """

    at: dict[str, float]
    value: float
    down: float
    up: float
    resampled: NDArray
    seeds: float
    deviations: tuple[float, ...]
    freedom: int


def _cells(table: pd.DataFrame, column: str, other: str) -> Iterator[Cell]:
    drawn_column = drawn(table, column)
    for at, part in table.groupby(CELL, sort=True):
        sides = [(part["architecture"] == name).to_numpy() for name in (BATCHTOPK, other)]
        if not all(side.any() for side in sides):
            continue
        value = part[column].to_numpy(float)
        means = [value[side].mean() for side in sides]
        if means[1] <= 0:
            raise NotTestable(f"{column} of {other} is {means[1]:.3g}, nothing to be better than")
        weights = (sides[1] / sides[1].sum() - sides[0] / sides[0].sum()) / means[1]
        of_part = drawn_column[part.index]
        better, other_mean = (of_part[side].mean(0) for side in sides)
        resampled = 1 - better / other_mean
        found, low, high = narrowed(contrast(weights, *columns(part, column)), resampled)
        deviations = [
            (value[side] - mean) / means[1] for side, mean in zip(sides, means, strict=True)
        ]
        yield Cell(
            dict(zip(CELL[2:], at[2:], strict=True)),
            found,
            0.0 if np.isnan(low) else found - low,
            0.0 if np.isnan(high) else high - found,
            resampled,
            sum(1 / side.sum() for side in sides),
            tuple(np.concatenate(deviations)),
            sum(int(side.sum()) - 1 for side in sides),
        )


def _half_width(cells: Sequence[Cell]) -> float:
    """Student's half width for one training against one, from the seeds of all cells; 0 without any."""
    from scipy.stats import t

    freedom = sum(cell.freedom for cell in cells)
    if freedom == 0:
        return 0.0
    squares = sum(deviation**2 for cell in cells for deviation in cell.deviations)
    return float(t.ppf(LEVEL, freedom) * np.sqrt(squares / freedom))


def _bounded(cell: Cell, half: float) -> tuple[float, float, float]:
    spread = half * np.sqrt(cell.seeds)
    return (
        cell.value,
        float(cell.value - np.hypot(cell.down, spread)),
        float(cell.value + np.hypot(cell.up, spread)),
    )


def cells_of(
    tables: Tables,
    name: str,
    comparison: str | None,
    column: str,
    other: str,
    keep: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> list[Cell]:
    """The cells of a table.

    comparison: `size` or `sparsity`, or None for both, every SAE once. keep: which rows take part.

    Raises
    ------
    NotTestable: no cell has both architectures.
    """
    table = tables[name]
    if comparison is None:
        table = table.drop_duplicates(["model", "site", "sae"], ignore_index=True)
    else:
        table = chosen(table, comparison=comparison)
    kept = (table if keep is None else keep(table)).reset_index(drop=True)
    cells = list(_cells(kept, column, other))
    if not cells:
        raise NotTestable(f"table {name} has no {BATCHTOPK} beside {other} to compare")
    return cells


def mean_advantage(name: str, comparison: str, column: str, other: str) -> Measure:
    """Mean over cells. Contexts are the same in all cells, trainings are not."""

    def measure(tables: Tables) -> Measurement:
        cells = cells_of(tables, name, comparison, column, other)
        half = _half_width(cells) * np.sqrt(sum(cell.seeds for cell in cells)) / len(cells)
        value, down, up = (
            float(np.mean([getattr(cell, part) for cell in cells]))
            for part in ("value", "down", "up")
        )
        over_documents = (value, value - down, value + up)
        _, low, high = narrowed(over_documents, np.mean([c.resampled for c in cells], axis=0))
        low, high = value - np.hypot(value - low, half), value + np.hypot(high - value, half)
        return Measurement.of((value, low, high), _over(cells))

    words = f"1 - {column} of {BATCHTOPK} over that of {other}, mean over the {comparison} panel"
    return Measure(f"{words} ({name})", measure)


def larger_part_advantage(name: str, comparison: str, column: str, other: str) -> Measure:
    """The smaller of the mean and the median over cells; the median from that of the lower ends to that
    of the upper ones."""

    def median(tables: Tables) -> Measurement:
        cells = cells_of(tables, name, comparison, column, other)
        half = _half_width(cells)
        ends = zip(*(_bounded(cell, half) for cell in cells), strict=True)
        value, low, high = (float(np.median(end)) for end in ends)
        return Measurement(value, low, high, _over(cells), _listed(cells))

    mean = mean_advantage(name, comparison, column, other)
    return smaller_of(mean, Measure(f"their median ({name})", median))


def worst_advantage(
    name: str,
    comparison: str,
    column: str,
    other: str,
    keep: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    among: str = "",
    highest: bool = False,
) -> Measure:
    """The smallest advantage over cells, or the largest, from the extreme of the lower ends to that of
    the upper ones."""
    pick, word = (np.max, "largest") if highest else (np.min, "smallest")

    def measure(tables: Tables) -> Measurement:
        cells = cells_of(tables, name, comparison, column, other, keep)
        half = _half_width(cells)
        ends = zip(*(_bounded(cell, half) for cell in cells), strict=True)
        value, low, high = (float(pick(end)) for end in ends)
        return Measurement(value, low, high, _over(cells), _listed(cells))

    words = f"{word} 1 - {column} of {BATCHTOPK} over that of {other} in the {comparison} panel"
    return Measure(f"{words}{', ' + among if among else ''} ({name})", measure)


def pareto_advantage(name: str, columns_: Sequence[str], other: str) -> Measure:
    """The smallest advantage over all cells of both panels and all columns."""

    def measure(tables: Tables) -> Measurement:
        bounds, over = [], SEEDS
        for column in columns_:
            cells = cells_of(tables, name, None, column, other)
            half = _half_width(cells)
            bounds += [_bounded(cell, half) for cell in cells]
            over = _over(cells)
        return Measurement.of((np.min(end) for end in zip(*bounds, strict=True)), over)

    words = (
        f"smallest 1 - value of {BATCHTOPK} over that of {other} among all {' and '.join(columns_)}"
    )
    return Measure(f"{words} ({name})", measure)


def _over(cells: Sequence[Cell]) -> str:
    over = SEEDS if any(cell.freedom for cell in cells) else ONE_SEED
    return covers(over, np.sum([cell.resampled for cell in cells], axis=0))


def _listed(cells: Sequence[Cell]) -> str:
    return ", ".join(
        f"width {cell.at['width']:g} k {cell.at['k']:g}: {cell.value:.3g}" for cell in cells
    )
