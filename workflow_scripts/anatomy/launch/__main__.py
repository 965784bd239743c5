"""Run the workflow: `python -m workflow_scripts.anatomy.launch [anything that snakemake takes]`."""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.launch.forecast import __main__ as forecast
from workflow_scripts.anatomy.launch.forecast.planned import noted
from workflow_scripts.anatomy.launch.leftovers import (
    SNAKEMAKE_LOCKS,
    is_locked,
    only_launch,
    require_unused,
    stop_orphans,
)
from workflow_scripts.anatomy.launch.outcome import error_lines, hindered, is_dry, results, run_name
from workflow_scripts.anatomy.launch.supervision import INTERRUPTED, supervise

# What jobs find in their environment, unless it is set already.
ENVIRONMENT = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "WANDB_MODE": "disabled",
    # glibc would give the memory of each large array back to the kernel, and fetch it anew a step
    # later: a sixth of the time of a training on a CPU.
    "MALLOC_MMAP_THRESHOLD_": str(2**26),
    "MALLOC_TRIM_THRESHOLD_": str(2**29),
}

FORECAST = "forecast"  # the target
LOGGER = "anatomy"  # terminal/plugin
SHOW_CURSOR = "\x1b[?25h"


def main(arguments: list[str]) -> int:
    """Run Snakemake in this folder and say how it went; returns the exit status."""
    folder, started = Path.cwd(), time.time()
    warm = [sys.executable, "-m", "workflow_scripts.anatomy.launch.warm_start"]
    os.environ |= ENVIRONMENT | os.environ.copy()
    own = any(argument.startswith("--logger") for argument in arguments)
    shown = arguments if own else [f"--logger={LOGGER}", *arguments]
    if FORECAST in arguments:
        return forecast.main([argument for argument in arguments if argument != FORECAST])
    if is_dry(arguments):
        return dry_run([*warm, "--nolock", *shown], arguments)
    try:
        with only_launch(folder):
            require_unused(folder)
            stop_leftover_jobs(folder)
            if is_locked(folder):
                say("a run was killed here; unlocking the folder, finished results are kept")
                unlock(folder, arguments)
            status = supervise([*warm, *shown])
            stop_leftover_jobs(folder)
    except AnatomyError as error:
        say(f"error: {error}")
        return 1
    if sys.stderr.isatty():
        sys.stderr.write(SHOW_CURSOR)  # a killed Snakemake leaves it hidden
    if status == INTERRUPTED:
        say("interrupted; the next run goes on where this one stopped")
    run = run_name(folder, arguments)
    errors = error_lines(folder, started) if status else []
    if status and status != INTERRUPTED and not errors:
        errors = hindered(folder)
    for line in errors if status else results(folder, run):
        say(line)
    return status


def unlock(folder: Path, arguments: list[str]) -> None:
    """Take Snakemake's lock away; call it where no Snakemake is alive.

    Raises
    ------
    AnatomyError: it could not be taken away.
    """
    # Before what is asked for: behind `--`, all is a target.
    status = supervise(
        [sys.executable, "-m", "snakemake", "--quiet", "all", "--unlock", *arguments]
    )
    if status == INTERRUPTED:
        raise AnatomyError("interrupted before the folder was unlocked; run again")
    if status or is_locked(folder):
        raise AnatomyError(
            f"the folder could not be unlocked (Snakemake ended with status {status}); see what it says "
            f"above, or delete {SNAKEMAKE_LOCKS} where no run is alive, then run again"
        )


def dry_run(command: list[str], arguments: list[str]) -> int:
    """Say what would be done and what it would cost; returns the exit status.

    Nothing is written, so it may look at a folder in which a run is under way.
    """
    with TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs.json"
        os.environ |= {"ANATOMY_WARM_START": "no", "ANATOMY_JOBS": str(jobs)}
        status = supervise(command)
        if status == 0 and jobs.is_file():
            say(forecast.line(noted(jobs), forecast.cores_of(arguments)))
    return status


def stop_leftover_jobs(folder: Path) -> None:
    if orphans := stop_orphans(folder):
        say(f"stopped the jobs that a killed run left behind (pid {', '.join(map(str, orphans))})")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
