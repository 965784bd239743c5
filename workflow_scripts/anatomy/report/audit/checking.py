"""Is a run that was handed on still what its record says? Its store may be missing."""

import json
import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import MANIFEST, verify
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.report.audit.record import FORMAT, RECORD, described, digest_of

# Folders of a run in which every file is a rule's output: one that the record lacks was put there.
WHOLE = ("tables", "figures")
# What `verdicts` is given: paper, its tables, the seed.
Judge = Callable[[str, Mapping[str, pd.DataFrame], int], pd.DataFrame]


def read_record(folder: str | Path) -> dict[str, Any]:
    """The record in a run's folder.

    Raises
    ------
    AnatomyError: there is none, or it is not one that this version reads.
    """
    path = Path(folder) / "audit" / RECORD
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise AnatomyError(
            f"{path} is missing: the run was not audited; in its project, make run ARGS=audit"
        ) from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise AnatomyError(f"{path} is damaged, or of another version of this workflow")
    return found


def problems(folder: str | Path, judge: Judge | None = None) -> tuple[list[str], dict[str, int]]:
    """What is no longer as the record says, a sentence each, and how many files of each kind were checked.

    folder: of the run, wherever it lies now; its store is looked for where it was beside it.
    judge: judges the claims of a paper anew from its tables; none leaves them out.
    """
    folder = Path(folder)
    record = read_record(folder)
    found, checked = [], {"run": 0, "store": 0, "not here": 0}
    for path, about in record["files"].items():
        where = _where(path, record, folder)
        kind = "run" if where.is_relative_to(folder) else "store"
        if kind == "store" and not where.exists():
            checked["not here"] += 1
            continue
        checked[kind] += 1
        found += _differences(where, about)
    found += _added(record, folder) + _configuration(record, folder)
    if judge is not None:
        found += _claims(record, folder, judge)
    return found, checked


def _where(path: str, record: Mapping[str, Any], folder: Path) -> Path:
    """Where a file of the record lies, now that the run's folder lies there."""
    run = Path(record["run"])
    if Path(path).is_relative_to(run):
        return folder / Path(path).relative_to(run)
    root = folder
    for _ in run.parts:
        root = root.parent
    return root / path


def _differences(path: Path, about: Mapping[str, Any]) -> list[str]:
    if not path.exists():
        return [f"{path} is missing"]
    if described(path) != dict(about):
        return [f"{path} does not have the content that was recorded"]
    if path.name == MANIFEST:
        try:
            verify(path)
        except AnatomyError as error:
            return [str(error).partition("; ")[0]]
    return []


def _added(record: Mapping[str, Any], folder: Path) -> list[str]:
    known = {_where(path, record, folder) for path in record["files"]}
    files = (path for name in WHOLE for path in sorted((folder / name).rglob("*")))
    return [
        f"{path} is of no rule of the run: it was put there"
        for path in files
        if path.is_file() and path not in known and not path.name.startswith(".")
    ]


def _configuration(record: Mapping[str, Any], folder: Path) -> list[str]:
    found = []
    if digest_of(record["configuration"]) != record["configuration_sha256"]:
        found.append(f"{folder / 'audit' / RECORD}: the configuration in it was changed")
    path = folder / "audit" / "config.json"
    try:
        same = digest_of(json.loads(path.read_text())) == record["configuration_sha256"]
    except (OSError, ValueError):
        same = False
    return found if same else [*found, f"{path} is not the configuration of the run"]


def _claims(record: Mapping[str, Any], folder: Path, judge: Judge) -> list[str]:
    """Claims whose verdict does not come out again from the tables that are there."""
    path = folder / "claims.csv"
    if not path.is_file():
        return []
    try:
        written = read_table(path)
    except (AnatomyError, ValueError) as error:
        return [f"{path} cannot be read: {error}"]
    found = []
    seed = record["configuration"]["seed"]
    for paper, rows in written.groupby("paper", sort=False):
        tables, unreadable = _tables(folder / "tables" / str(paper))
        found += unreadable
        if unreadable:
            continue
        again = _as_read(judge(str(paper), tables, seed)).set_index("claim")
        for row in rows.to_dict("records"):
            name = row["claim"]
            if name not in again.index:
                found.append(f"{path}: {paper} has no claim {name}")
            elif not _alike(row, again.loc[name]):
                verdict, anew = row.get("verdict"), again.loc[name].get("verdict")
                what = f"{verdict}; from the tables it is {anew}" if verdict != anew else "changed"
                found.append(f"{path}: {paper}, {name}: {what}")
    return found


def _tables(folder: Path) -> tuple[dict[str, pd.DataFrame], list[str]]:
    tables, unreadable = {}, []
    for path in sorted(folder.glob("*.csv")):
        draws = path.with_suffix(".draws.npz")
        try:
            tables[path.stem] = read_table(path, draws if draws.exists() else None)
        except (AnatomyError, ValueError) as error:
            unreadable.append(f"{path} cannot be read: {error}")
    return tables, unreadable


def _as_read(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it comes back from its file: what is empty is missing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, table)
        return read_table(path)


def _alike(row: Mapping[str, Any], again: pd.Series) -> bool:
    """Whether two rows of claims say the same, numbers to rounding."""
    for name, value in again.items():
        mine = row.get(str(name))
        if pd.isna(value) and pd.isna(mine):
            continue
        numbers = isinstance(value, float | int) and isinstance(mine, float | int)
        if not (
            math.isclose(float(value), float(str(mine)), rel_tol=1e-9)
            if numbers
            else str(value) == str(mine)
        ):
            return False
    return True
