"""Where a dry run of Snakemake writes its jobs down: `--scheduler anatomy`, with ANATOMY_JOBS a file.

A scheduler is what Snakemake hands the whole graph of jobs to, with all parameters known.
"""

import json
import os
from pathlib import Path

from snakemake_interface_scheduler_plugins.base import SchedulerBase


class Scheduler(SchedulerBase):
    """Writes the jobs of a dry run, finished ones too, and takes whatever can be taken."""

    def __post_init__(self) -> None:
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

    def select_jobs(self, selectable_jobs, remaining_jobs, available_resources, input_sizes):
        """All of them: nothing runs."""
        return selectable_jobs


def _number(value) -> int:
    return value if isinstance(value, int) else 0
