"""The files that a run produced, as Snakemake knows them: whose they are, and whether they are up to date."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

UP_TO_DATE = "no update"


@dataclass(frozen=True)
class Produced:
    """One output file: the rule and the log of its job, the files it was made of, and what is wrong with it.

    status: Snakemake's word: ``ok``, ``missing``, ``updated input files``, ``params/set of input files changed`` ...
    stale: whether the next run would make it anew.
    """

    path: str
    rule: str
    log: str
    inputs: tuple[str, ...]
    status: str
    stale: bool


@dataclass(frozen=True)
class Job:
    """What one job made: its rule, its log, its outputs and its inputs, each in the order of their paths."""

    rule: str
    log: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]


def produced(summary: str) -> list[Produced]:
    """From what ``snakemake --detailed-summary`` prints, in the order of the paths.

    Raises
    ------
    ValueError: it is no such summary.
    """
    rows = csv.DictReader(io.StringIO(summary), delimiter="\t", quoting=csv.QUOTE_NONE)
    if not {"output_file", "rule", "status", "plan"} <= set(rows.fieldnames or ()):
        raise ValueError("this is not what snakemake --detailed-summary prints")
    found = [
        Produced(
            path=row["output_file"],
            rule=row["rule"],
            log=_given(row["log-file(s)"]),
            inputs=tuple(filter(None, _given(row["input-file(s)"]).split(","))),
            status=row["status"],
            stale=row["plan"] != UP_TO_DATE,
        )
        for row in rows
    ]
    return sorted(found, key=lambda file: file.path)


def jobs(files: Iterable[Produced]) -> list[Job]:
    """The jobs that made them, by their logs."""
    of_log: dict[tuple[str, str], list[Produced]] = {}
    for file in files:
        of_log.setdefault((file.rule, file.log or file.path), []).append(file)
    return [
        Job(
            rule,
            log,
            tuple(sorted(file.path for file in made)),
            tuple(sorted({path for file in made for path in file.inputs})),
        )
        for (rule, log), made in sorted(of_log.items())
    ]


def _given(field: str | None) -> str:
    return "" if field in (None, "-") else str(field)
