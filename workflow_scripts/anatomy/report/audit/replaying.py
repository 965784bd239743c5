"""Jobs of an audited run, done again in a scratch folder, and their outputs beside the recorded digests."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import MANIFEST
from workflow_scripts.anatomy.base.tables import read_table
from workflow_scripts.anatomy.report.audit.record import described

# What these write holds times of day and of jobs: no two are alike.
TIMED = ("write_report",)
# Of two machines numbers may differ by so much, as a share of the largest of a column.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Replayed:
    """One output: ``same``, ``close`` (a table within the tolerance) or ``different``, and how."""

    path: str
    rule: str
    outcome: str
    note: str = ""


def drawn(record: Mapping[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` jobs at random, in the order of the record; all, if there are no more."""
    possible = [job for job in record["jobs"] if job["rule"] not in TIMED and job["outputs"]]
    chosen = np.random.default_rng(seed).permutation(len(possible))[:count]
    return [possible[at] for at in sorted(chosen)]


def ancestry(record: Mapping[str, Any], paths: Iterable[str]) -> list[dict[str, Any]]:
    """The jobs that made some files, and those that made what these were made of, to the beginning.

    Raises
    ------
    AnatomyError: no job of the run made one of the files.
    """
    maker = {output: job for job in record["jobs"] for output in job["outputs"]}
    left, found = list(paths), {}
    for path in left:
        if path not in maker:
            raise AnatomyError(f"{path} is no file that the audited run made")
    while left:
        job = maker.get(left.pop())
        if job is not None and job["log"] not in found:
            found[job["log"]] = job
            left += job["inputs"]
    return [job for job in record["jobs"] if job["log"] in found]


def files_of(record: Mapping[str, Any], target: str) -> list[str]:
    """The files of a target that people type: ``<paper>_<exhibit>``, a paper, or a path of the run.

    Raises
    ------
    AnatomyError: the run has no such.
    """
    if target in record["files"]:
        return [target]
    of = []
    for path in record["files"]:
        parts = Path(path).parts
        if f"{record['run']}/" in path and parts[-3:-2] in (("tables",), ("figures",)):
            paper, name = parts[-2], Path(path).name.split(".")[0]
            if target in (paper, f"{paper}_{name}"):
                of.append(path)
    if not of:
        raise AnatomyError(
            f"the run has no {target}: give <paper>_<figure>, a paper, or a file of the record"
        )
    return of


def scratch(
    project: Path, folder: Path, record: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]
) -> None:
    """Make `folder` a project in which just the outputs of some jobs are missing.

    Every other file is there as a link, with the time of what it leads to, in folders of its own: what a
    job deletes are links. In a folder that a job writes to, only recorded files are linked, so that
    nothing is written through one.
    """
    for entry in project.iterdir():
        if entry.name not in ("results", ".snakemake", ".git"):
            _link(entry, folder / entry.name)
    anew = {output for job in jobs for output in job["outputs"]}
    left_out = anew | {str(Path(path).parent) for path in anew if Path(path).name == MANIFEST}
    written = {str(Path(path).parent) for path in anew}
    for root in (record["run"], record["store"]):
        left_out.add(f"{root}/logs")
        for directory, folders, files in os.walk(project / root):
            inside = Path(directory).relative_to(project)
            folders[:] = [name for name in folders if str(inside / name) not in left_out]
            for name in files:
                path = str(inside / name)
                mine = str(inside) not in written or path in record["files"]
                if mine and path not in anew:
                    _link(project / path, folder / path)


def _link(target: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target.resolve())
    time = target.stat().st_mtime
    os.utime(link, (time, time), follow_symlinks=False)


def compared(
    folder: Path,
    record: Mapping[str, Any],
    jobs: Sequence[Mapping[str, Any]],
    elsewhere: bool,
    project: Path,
) -> list[Replayed]:
    """The outputs of jobs that were done again in `folder`, beside the record.

    elsewhere: on another machine, tables may differ by `TOLERANCE` from those of `project`.
    """
    found = []
    for job in jobs:
        for path in job["outputs"]:
            again, about = folder / path, record["files"][path]
            if not again.exists():
                found.append(Replayed(path, job["rule"], "different", "it was not made"))
            elif described(again) == about:
                found.append(Replayed(path, job["rule"], "same"))
            elif path.endswith(".csv"):
                found.append(_table(path, job["rule"], again, project / path, elsewhere))
            else:
                found.append(Replayed(path, job["rule"], "different", "other content"))
    return found


def _table(path: str, rule: str, again: Path, recorded: Path, elsewhere: bool) -> Replayed:
    ours, theirs = read_table(again), read_table(recorded)
    if ours.shape != theirs.shape or list(ours.columns) != list(theirs.columns):
        return Replayed(
            path, rule, "different", f"{theirs.shape} rows and columns, now {ours.shape}"
        )
    worst, where = 0.0, ""
    for column in theirs.columns:
        share = _difference(ours[column], theirs[column])
        if share > worst:
            worst, where = share, column
    outcome = "close" if elsewhere and worst <= TOLERANCE else "different"
    return Replayed(path, rule, outcome, f"{where} differs by {worst:.2g} of its largest value")


def _difference(ours: pd.Series, theirs: pd.Series) -> float:
    """The largest difference as a share of the largest value; infinite where texts or gaps differ."""
    if not (pd.api.types.is_numeric_dtype(ours) and pd.api.types.is_numeric_dtype(theirs)):
        return 0.0 if ours.equals(theirs) else float("inf")
    if not (ours.isna() == theirs.isna()).all():
        return float("inf")
    largest = theirs.abs().max()
    difference = (ours.astype(float) - theirs.astype(float)).abs().max()
    return (
        0.0 if not difference > 0 else float(difference / largest) if largest > 0 else float("inf")
    )


def forget(folder: Path) -> None:
    """Delete a scratch folder; links go, what they lead to stays."""
    shutil.rmtree(folder, ignore_errors=True)
