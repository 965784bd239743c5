"""The jobs of a run, finished or not, as a dry run of Snakemake writes them down."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError

DRY_RUN = "workflow_scripts.anatomy.launch.forecast.dry_run"
# A forecast of a forecast is none.
LEFT_OUT = {"forecast"}


@dataclass(frozen=True)
class Job:
    """A job as Snakemake plans it. needed: it would run. after: the places of the jobs that it waits for.

    params: those that JSON can hold; the others are None.
    """

    rule: str
    wildcards: dict[str, str]
    params: dict[str, Any]
    input: list[str]
    output: list[str]
    log: str
    threads: int
    gpu: int
    needed: bool
    after: list[int]


def noted(file: Path) -> list[Job]:
    """What a dry run wrote; none where it had nothing to do."""
    try:
        return [Job(**job) for job in json.loads(file.read_text()) if job["rule"] not in LEFT_OUT]
    except (OSError, ValueError):
        return []


def planned(arguments: Sequence[str]) -> list[Job]:
    """All jobs behind the targets of a Snakemake command line, which runs nothing and takes no lock.

    Raises
    ------
    AnatomyError: Snakemake cannot plan it; its own words, last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "jobs.json"
        command = [sys.executable, "-m", DRY_RUN, *arguments]
        done = subprocess.run(
            [*command, "--dry-run", "--nolock", "--quiet", "all"],
            env={**os.environ, "ANATOMY_JOBS": str(file)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            said = [line for line in lines if line.startswith("error: ")] or lines[-1:]
            raise AnatomyError("; ".join(said).removeprefix("error: ") or "nothing can be planned")
        return noted(file)
