"""Do jobs of an audited run again and compare: `python -m workflow_scripts.anatomy.launch.replay RUN`."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.report.audit.checking import read_record
from workflow_scripts.anatomy.report.audit.replaying import (
    Replayed,
    ancestry,
    compared,
    drawn,
    files_of,
    forget,
    scratch,
)
from workflow_scripts.anatomy.report.page.used import machine, spoken


def main(arguments: list[str]) -> int:
    """Replay and say what came out; returns 1 if anything differs from the record."""
    given = _parser().parse_args(arguments)
    project = Path.cwd()
    try:
        record = read_record(given.run)
        _require_same_code(project, record)
        chosen = (
            ancestry(record, files_of(record, given.of))
            if given.of
            else drawn(record, given.jobs, given.seed)
        )
        took = sum(job["usage"]["wall_s"] for job in chosen if job["usage"])
        say(f"replaying {len(chosen)} of {len(record['jobs'])} jobs, which took {spoken(took)}")
        # What one job is made of is then what was recorded, and not what was just made of it anew.
        groups = [chosen] if given.of else [[job] for job in chosen]
        found = [each for group in groups for each in replayed(project, record, group, given.keep)]
    except AnatomyError as error:
        say(f"error: {error}")
        return 1
    for each in found:
        print(f"{each.outcome:9} {each.path}" + (f" ({each.note})" if each.note else ""))
    different = sum(each.outcome == "different" for each in found)
    say(f"{len(found) - different} of {len(found)} files came out as recorded")
    return 1 if different else 0


def replayed(
    project: Path, record: dict[str, Any], jobs: list[dict[str, Any]], keep: bool
) -> list[Replayed]:
    """What comes out when some jobs are done again, in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="replay-", dir=project / "results"))
    try:
        scratch(project, folder, record, jobs)
        _run(project, folder, record, jobs)
        return compared(folder, record, jobs, dict(machine()) != record["machine"], project)
    finally:
        if keep:
            say(f"the replay is in {folder}")
        else:
            forget(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    parser.add_argument("run", help="the folder of an audited run, such as results/default")
    parser.add_argument(
        "--of", help="<paper>_<figure>, a paper or a file: all that it is made of, from the text on"
    )
    parser.add_argument("--jobs", type=int, default=5, help="else so many jobs, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the replay")
    return parser


def _require_same_code(project: Path, record: dict[str, Any]) -> None:
    from workflow_scripts.anatomy.report.audit.record import code_of_workflow

    if code_of_workflow(project)["sha256"] != record["code"]["sha256"]:
        commit = record["code"]["commit"]
        raise AnatomyError(
            "the rules and scripts here are not those of the audited run"
            + (f"; check out commit {commit}" if commit else "")
        )


def _run(project: Path, folder: Path, record: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    outputs = [output for job in jobs for output in job["outputs"]]
    command = [
        *(sys.executable, "-m", "workflow_scripts.anatomy.launch.warm_start"),
        *("--directory", str(folder), "--nolock", "--rerun-triggers", "mtime", "--cores", "all"),
        *("--quiet", "all", *record["options"], "--", *outputs),
    ]
    subprocess.run(command, cwd=project, check=False)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
