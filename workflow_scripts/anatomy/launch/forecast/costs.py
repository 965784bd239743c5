"""What jobs cost, one by one, rule by rule and in all, and how long they take on so many cores."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.anatomy.launch.forecast.calibration import OTHERS, Rate
from workflow_scripts.anatomy.launch.forecast.laptop import LOADED_MB, Work
from workflow_scripts.anatomy.launch.forecast.models import Sizes
from workflow_scripts.anatomy.launch.forecast.planned import Job
from workflow_scripts.anatomy.launch.forecast.work import work


@dataclass(frozen=True)
class Cost:
    """Of one job: seconds on the clock, cores, GPUs, bytes that stay, MiB beside what jobs share."""

    rule: str
    wall_s: float
    threads: int
    gpu: int
    written: float
    own_mb: float

    @property
    def core_s(self) -> float:
        """Seconds of cores that are the job's, busy or not."""
        return self.wall_s * self.threads


@dataclass(frozen=True)
class RuleCost:
    """Of all jobs of a rule; own_mb is that of the largest."""

    rule: str
    jobs: int
    core_s: float
    gpu_s: float
    written: float
    own_mb: float


@dataclass(frozen=True)
class Forecast:
    """rules: costliest first. wall_s: on `cores` cores. peak_mb: of the jobs that run at one time."""

    rules: list[RuleCost]
    cores: int
    wall_s: float
    peak_mb: float

    @property
    def jobs(self) -> int:
        """How many run."""
        return sum(each.jobs for each in self.rules)

    @property
    def core_s(self) -> float:
        """Core-seconds of all."""
        return sum(each.core_s for each in self.rules)

    @property
    def gpu_s(self) -> float:
        """GPU-seconds of all."""
        return sum(each.gpu_s for each in self.rules)

    @property
    def written(self) -> float:
        """Bytes of all."""
        return sum(each.written for each in self.rules)


def works(jobs: list[Job], sizes: Sizes) -> list[Work]:
    """What each job does; jobs come in any order, and each knows what those before it write."""
    found: dict[int, Work] = {}
    files: dict[str, float] = {}

    def written(paths: Iterable[str]) -> float:
        return sum(files[path] if path in files else _on_disk(path) for path in paths)

    for number in in_order(jobs):
        found[number] = each = work(jobs[number], sizes, written)
        outputs = jobs[number].output
        files |= dict.fromkeys(outputs, each.written / max(1, len(outputs)))
    return [found[number] for number in range(len(jobs))]


def in_order(jobs: list[Job]) -> list[int]:
    """Places of jobs, each after those that it waits for."""
    from graphlib import TopologicalSorter

    return list(TopologicalSorter({n: job.after for n, job in enumerate(jobs)}).static_order())


def costs(jobs: list[Job], done: list[Work], rates: dict[str, Rate]) -> list[Cost]:
    """Of each job, by the rates of its rule, or of the others."""
    found = []
    for job, each in zip(jobs, done, strict=True):
        rate = rates.get(job.rule) or rates.get(OTHERS, Rate())
        seconds = each.seconds(job.threads, job.gpu, rate.fixed, rate.scaled)
        own = max(each.own_mb, rate.own_mb)
        found.append(Cost(job.rule, seconds, job.threads, job.gpu, each.written, own))
    return found


def forecast(jobs: list[Job], of_each: list[Cost], cores: int, gpus: int = 1) -> Forecast:
    """Of the jobs that are needed, on a machine with so many cores and GPUs."""
    by_rule: dict[str, list[Cost]] = {}
    for job, cost in zip(jobs, of_each, strict=True):
        if job.needed:
            by_rule.setdefault(job.rule, []).append(cost)
    rules = [
        RuleCost(
            rule,
            len(every),
            sum(cost.core_s for cost in every),
            sum(cost.wall_s * cost.gpu for cost in every),
            sum(cost.written for cost in every),
            max(cost.own_mb for cost in every),
        )
        for rule, every in by_rule.items()
    ]
    wall, memory = scheduled(jobs, of_each, cores, gpus)
    rules.sort(key=lambda each: (-each.core_s, each.rule))
    return Forecast(rules, cores, wall, memory)


def scheduled(jobs: list[Job], of_each: list[Cost], cores: int, gpus: int) -> tuple[float, float]:
    """Seconds until the last needed job ends, and the most MiB at one time, where each starts as it can.

    Of those that can start, the one that has most behind it does.
    """
    waiting = {
        number: {before for before in job.after if jobs[before].needed}
        for number, job in enumerate(jobs)
        if job.needed
    }
    behind = _behind(jobs, of_each)
    then: dict[int, list[int]] = {}
    for number, before in waiting.items():
        for each in before:
            then.setdefault(each, []).append(number)
    ready = [(-behind[number], number) for number, before in waiting.items() if not before]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now, held, most, free, free_gpus = 0.0, 0.0, 0.0, cores, gpus
    while ready or running:
        passed = []
        while ready and free:
            first = heapq.heappop(ready)
            cost = of_each[first[1]]
            if min(cost.threads, cores) > free or min(cost.gpu, gpus) > free_gpus:
                passed.append(first)
                continue
            free -= min(cost.threads, cores)
            free_gpus -= min(cost.gpu, gpus)
            held += cost.own_mb
            heapq.heappush(running, (now + cost.wall_s, first[1]))
        for later in passed:
            heapq.heappush(ready, later)
        most = max(most, held)
        now, ended = heapq.heappop(running)
        cost = of_each[ended]
        free += min(cost.threads, cores)
        free_gpus += min(cost.gpu, gpus)
        held -= cost.own_mb
        for number in then.get(ended, []):
            waiting[number].discard(ended)
            if not waiting[number]:
                heapq.heappush(ready, (-behind[number], number))
    return now, most + LOADED_MB if most else 0.0


def _behind(jobs: list[Job], of_each: list[Cost]) -> list[float]:
    """Seconds of the longest chain that begins with each job."""
    behind = [0.0] * len(jobs)
    for number in reversed(in_order(jobs)):
        behind[number] += of_each[number].wall_s
        for before in jobs[number].after:
            behind[before] = max(behind[before], behind[number])
    return behind


def _on_disk(path: str) -> float:
    try:
        return float(Path(path).stat().st_size)
    except OSError:
        return 0.0
