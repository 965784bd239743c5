"""Tidy tables: one observation a row, the same identifying columns everywhere, whole or not there."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.draws import (
    DRAWS,
    Estimate,
    cell,
    with_draws_of,
    without_draws,
)
from workflow_scripts.anatomy.base.errors import AnatomyError, one_line
from workflow_scripts.anatomy.base.store import replacing

IDENTITY = ("model", "site", "sae", "architecture", "width", "l0", "seed")

# The random vectors whose squared norms are predicted from x (dark-matter paper, section 5.1).
VECTORS = ("x", "sae", "error", "linear_error", "nonlinear_error")

# What `tabulate` of a figure returns: by the name that its rule gives to each output.
Tables: TypeAlias = dict[str, pd.DataFrame]

# One number, or one a row.
Numbers = TypeVar("Numbers", float, np.ndarray)


class Named(Protocol):
    """Files or parameters as attributes: what Snakemake gives, or a `types.SimpleNamespace`."""

    def __getattr__(self, name: str) -> Any: ...


def identity(metadata: dict[str, Any], summary: dict[str, Any]) -> dict[str, Any]:
    """The identifying columns of an SAE: from its description, and its measured L0.

    nominal_l0 is what it says itself; what a configuration states instead is for tables that are given it.
    """
    return {
        "model": metadata["model"],
        "site": metadata["site"],
        "sae": metadata["name"],
        "architecture": metadata["architecture"],
        "width": metadata["width"],
        "l0": summary["l0"],
        "nominal_l0": metadata["nominal_l0"],
        "seed": metadata["seed"],
        "dead_latents": summary["dead_latents"],
    }


def write_rows(path: str | Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as csv; floats with the digits that bring them back exactly."""
    write_table(path, pd.DataFrame(list(rows)))


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as csv, whole or not at all; its draws are not part of it.

    Raises
    ------
    AnatomyError: text that is no Unicode (half of a surrogate pair), which no file in UTF-8 holds.
    """
    shown = without_draws(table)
    # A lone carriage return ends a line for whoever reads it, and is quoted only where all text is.
    quoting = csv.QUOTE_NONNUMERIC if _has_carriage_return(shown) else csv.QUOTE_MINIMAL
    with replacing(path) as temporary:
        try:
            shown.to_csv(temporary, index=False, quoting=quoting)
        except UnicodeEncodeError as error:
            raise AnatomyError(f"{path}: text that cannot be written: {one_line(error)}") from None


def _has_carriage_return(table: pd.DataFrame) -> bool:
    texts = (table[name] for name in table if not pd.api.types.is_numeric_dtype(table[name]))
    return any(isinstance(each, str) and "\r" in each for text in texts for each in text)


def read_table(path: str | Path, draws: str | Path | None = None) -> pd.DataFrame:
    """Read what `write_table` wrote, float for float; with the draws of another file, where given."""
    # Only an empty field is missing: "None", "nan" and "NA" are tokens of real text.
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return table if draws is None else with_draws_of(table, draws)


def concatenate(
    paths: Iterable[str | Path], draws: Iterable[str | Path] | None = None
) -> pd.DataFrame:
    """The rows of several tables of the same columns, in order; with their draws, where given."""
    if draws is None:
        return pd.concat([read_table(path) for path in paths], ignore_index=True)
    return pd.concat(map(read_table, paths, draws), ignore_index=True)


def select_columns(
    paths: Iterable[str | Path],
    columns: Mapping[str, str],
    draws: Iterable[str | Path] | None = None,
) -> pd.DataFrame:
    """The scores of several SAEs, with the columns that a figure shows.

    columns: name in the figure -> name among the scores, each with its interval, and with its draws
    where their files are given. The identifying columns, the layer and what was held out come with
    them.
    """
    table = concatenate(paths, draws)
    table["layer"] = table["site"].str.extract(r"blocks\.(\d+)\.").astype(int)
    names = {column: column for column in (*IDENTITY, "layer", "split", "n_train", "n_test")}
    for shown, column in columns.items():
        ends = ("", "_lo", "_hi", *(() if draws is None else (DRAWS,)))
        names |= {f"{column}{end}": f"{shown}{end}" for end in ends}
    return table[list(names)].rename(columns=names)


def with_interval(name: str, interval: tuple[Numbers, Numbers, Numbers]) -> dict[str, Numbers]:
    """Columns name, name_lo and name_hi of a value, or of many, with the ends of its interval."""
    return dict(zip((name, f"{name}_lo", f"{name}_hi"), interval, strict=True))


def with_draws(name: str, estimate: Estimate) -> dict[str, Any]:
    """As `with_interval`, and column name_draws of the value in each resample."""
    return with_interval(name, estimate) | {f"{name}{DRAWS}": cell(estimate.draws)}
