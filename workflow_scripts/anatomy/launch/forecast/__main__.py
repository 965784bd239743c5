"""Forecast a run: `python -m workflow_scripts.anatomy.launch.forecast [--calibrate] [what snakemake takes]`.

--calibrate: fit the rates of this machine to what the jobs behind the targets recorded of themselves, and
keep them in results/rates.json, from where forecasts of every configuration take them.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.launch.forecast import calibration, costs, shown
from workflow_scripts.anatomy.launch.forecast.models import sizes
from workflow_scripts.anatomy.launch.forecast.planned import Job, planned

RATES = Path("results/rates.json")
CALIBRATE = "--calibrate"


def main(arguments: list[str]) -> int:
    """Print the forecast of a Snakemake command line; returns the exit status."""
    try:
        jobs = planned([each for each in arguments if each != CALIBRATE])
        if CALIBRATE in arguments:
            for line in calibrated(jobs):
                print(line)
            return 0
        for line in lines(jobs, cores_of(arguments)):
            print(line)
    except AnatomyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def lines(jobs: list[Job], cores: int) -> list[str]:
    """The forecast of what is to be done, and of a whole run where some of it is done already."""
    found, known = forecasts(jobs, cores)
    done = sum(not job.needed for job in jobs)
    said = [*shown.table(found), ""] if found.jobs else []
    if done:
        whole, _ = forecasts([replace(job, needed=True) for job in jobs], cores)
        said.append(f"{done} of {len(jobs)} jobs are done already; all of it from nothing:")
        said.append(shown.last_line(whole).removeprefix("expected: "))
    guessed = [name for name, size in sizes(jobs).models.items() if size.guessed]
    if guessed:
        said.append(f"the size of {', '.join(guessed)} is a guess: no folder or name tells it")
    if found.gpu_s:
        said.append("GPU-hours are those of an assumed GPU, on which nothing was measured")
    return [*said, known, shown.last_line(found)]


def line(jobs: list[Job], cores: int) -> str:
    """The last line alone."""
    return shown.last_line(forecasts(jobs, cores)[0])


def forecasts(jobs: list[Job], cores: int) -> tuple[costs.Forecast, str]:
    """The forecast of the jobs that are needed, and on what its rates are founded."""
    done = costs.works(jobs, sizes(jobs))
    used = calibration.recorded(jobs)
    rates = calibration.load(RATES)
    known = f"rates of {RATES}, from jobs of this machine"
    if not RATES.is_file():
        known = "no job has recorded here what it used: rates measured on a laptop of two cores"
    if used:
        rates = rates | calibration.fitted(jobs, done, used)
        known = f"rates of this machine, from what {len(used)} jobs recorded"
    return costs.forecast(jobs, costs.costs(jobs, done, rates), cores), known


def calibrated(jobs: list[Job]) -> list[str]:
    """Fit rates to the records of jobs and write them; lines that say what forecasts are worth.

    Raises
    ------
    AnatomyError: no job has left a record.
    """
    used = calibration.recorded(jobs)
    if not used:
        raise AnatomyError(
            "no job of these targets has recorded what it used; run some of it first"
        )
    done = costs.works(jobs, sizes(jobs))
    rates = calibration.fitted(jobs, done, used)
    calibration.save(RATES, rates)
    expected = costs.costs(jobs, done, rates)
    before = costs.costs(jobs, done, calibration.LAPTOP)
    said = [f"{'rule':<44} {'jobs':>5} {'recorded':>9} {'fitted':>9} {'laptop':>9}"]
    for rule in sorted({jobs[number].rule for number in used}):
        own = [number for number in used if jobs[number].rule == rule]
        said.append(_compared(rule, own, used, expected, before))
    return [*said, _compared("in all", list(used), used, expected, before), f"written: {RATES}"]


def _compared(rule, numbers, used, expected, before) -> str:
    walls = [
        sum(used[number]["wall_s"] for number in numbers),
        *(sum(each[number].wall_s for number in numbers) for each in (expected, before)),
    ]
    return f"{rule:<44} {len(numbers):>5} " + " ".join(f"{wall:>7.1f} s" for wall in walls)


def cores_of(arguments: Sequence[str]) -> int:
    """The cores of a Snakemake command line; all of the machine's where it says nothing else."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--cores", "-c", nargs="?", default="all")
    options, _ = parser.parse_known_args(list(arguments))
    here = os.cpu_count() or 1
    return int(options.cores) if str(options.cores).isdigit() and int(options.cores) else here


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
