"""The jobs of a run: which are running, how many are done, and how long the others will take."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Job:
    """One job that was started: its rule, what it is about, its log files, and when, in seconds."""

    rule: str
    about: str
    logs: tuple[str, ...]
    started: float

    @property
    def label(self) -> str:
        """Its rule and its wildcards."""
        return f"{self.rule} {self.about}".rstrip()


@dataclass
class Jobs:
    """What is known of a run's jobs at a time; all times are seconds of one clock."""

    begun: float
    waiting: Counter[str] = field(default_factory=Counter)
    total: int = 0
    done: int = 0
    failed: int = 0
    running: dict[int, Job] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=dict)

    def plan(self, stats: Mapping[str, int], now: float) -> None:
        """The number of jobs of each rule that are to be run, with their `total`."""
        self.waiting = Counter({rule: n for rule, n in stats.items() if rule != "total"})
        self.total, self.begun = self.waiting.total(), now

    def start(self, number: int, job: Job) -> None:
        """A job was started."""
        self.running[number] = job
        self.waiting[job.rule] -= 1

    def end(self, number: int, now: float, failed: bool = False) -> tuple[Job, float] | None:
        """A job ended; returns it with its seconds, or None where it was not known to run."""
        job = self.running.pop(number, None)
        if job is None:
            return None
        seconds = now - job.started
        if failed:
            self.failed += 1
        else:
            self.done += 1
            self.taken.setdefault(job.rule, []).append(seconds)
        return job, seconds

    def left(self, now: float) -> float | None:
        """About how many seconds are left; None before anything is known.

        A rule's jobs take as long as its jobs did so far, or as all did, where it has had none; as many
        run side by side as did on average.
        """
        seconds = [each for rule in self.taken.values() for each in rule]
        elapsed = now - self.begun
        if not seconds or elapsed <= 0:
            return None
        overall = sum(seconds) / len(seconds)
        mean = {rule: sum(taken) / len(taken) for rule, taken in self.taken.items()}
        work = sum(max(0, n) * mean.get(rule, overall) for rule, n in self.waiting.items())
        spent = sum(seconds)
        for job in self.running.values():
            spent += now - job.started
            work += max(0.0, mean.get(job.rule, overall) - (now - job.started))
        return work * elapsed / max(spent, 1e-9)


def about(wildcards: Mapping[str, Any] | None) -> str:
    """What tells a job from others of its rule, in a few words."""
    return " ".join(str(value) for value in (wildcards or {}).values())


def duration(seconds: float) -> str:
    """Seconds in words: ``8 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
