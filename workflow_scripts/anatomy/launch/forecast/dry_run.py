"""Snakemake, whose dry run writes its jobs down: `ANATOMY_JOBS=file python -m ...dry_run [arguments] -n`.

What is handed the whole graph of jobs, with all parameters known, is a scheduler. A dry run takes the
greedy one whatever is asked for, so this is that one, which notes what it is given.
"""

import json
import os
import sys
from pathlib import Path

from snakemake.scheduling import greedy


class Scheduler(greedy.Scheduler):
    """Schedules as ever, and first writes all jobs of the graph, finished ones too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        jobs = [job for job in self.dag.jobs if not job.is_norun]
        numbers = {id(job): number for number, job in enumerate(jobs)}
        needed = {id(job) for job in self.dag.needrun_jobs()}
        lines = [
            {
                "rule": job.rule.name,
                "wildcards": dict(job.wildcards_dict),
                "params": dict(job.params.items()),
                "input": list(map(str, job.input)),
                "output": list(map(str, job.output)),
                "log": str(job.log[0]) if job.log else "",
                "threads": job.threads,
                "gpu": _number(job.resources.get("gpu")),
                "needed": id(job) in needed,
                "after": [
                    numbers[id(before)]
                    for before in self.dag.dependencies[job]
                    if id(before) in numbers
                ],
            }
            for job in jobs
        ]
        Path(os.environ["ANATOMY_JOBS"]).write_text(json.dumps(lines, default=lambda value: None))


def _number(value) -> int:
    return value if isinstance(value, int) else 0


if __name__ == "__main__":
    greedy.Scheduler = Scheduler
    from snakemake.cli import main

    main(sys.argv[1:])
