"""What a run used, rule by rule, from what its jobs measured of themselves; and on what it ran."""

import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from workflow_scripts.anatomy.base.usage import SUFFIX, Usage, usages

# What computes the numbers; everything else is pinned in envs/requirements.txt.
PACKAGES = (
    *("torch", "transformers", "tokenizers", "sae-lens", "safetensors", "zarr", "numpy", "scipy"),
    *("pandas", "scikit-learn", "concept-erasure", "matplotlib", "seaborn", "jinja2", "snakemake"),
)


@dataclass(frozen=True)
class RuleUse:
    """Of all jobs of a rule: their number, seconds on the clock and of CPU, and what one took at most.

    peak_mb: the largest resident set of a job, what other jobs share with it included. own_mb: the most
    that a job added to what it had loaded. unfinished: jobs that ended otherwise than they should.
    """

    rule: str
    jobs: int
    wall_s: float
    cpu_s: float
    longest_s: float
    peak_mb: float
    own_mb: float
    unfinished: int


@dataclass(frozen=True)
class Use:
    """What all jobs used: a line for each rule, slowest first, and when jobs were running.

    busy_s: seconds in which at least one job ran. began, ended: UTC, None without jobs. hosts: how many
    machines.
    """

    rules: list[RuleUse]
    began: datetime | None
    ended: datetime | None
    busy_s: float
    hosts: int

    @property
    def jobs(self) -> int:
        """How many there were."""
        return sum(each.jobs for each in self.rules)

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU of all of them."""
        return sum(each.cpu_s for each in self.rules)


@dataclass(frozen=True)
class Package:
    """A package that computed something, its version and its licence as its metadata says it."""

    name: str
    version: str
    licence: str


def use(folders: Iterable[str | Path], logs: Mapping[str, str]) -> Use:
    """What the jobs used whose usage files lie below some folders.

    logs: rule -> regular expression of the logs of its jobs in this run. A file that none takes is another
    run's, since stores are shared, and is not counted.
    """
    rules_of_logs = _rules(logs)
    found: dict[str, list[Usage]] = {}
    for folder in folders:
        for path, usage in usages(folder):
            rule = _rule_of(path.as_posix().removesuffix(SUFFIX) + ".log", rules_of_logs)
            if rule is not None:
                found.setdefault(rule, []).append(usage)
    every = [usage for each in found.values() for usage in each]
    spans = sorted(_span(usage) for usage in every)
    rules = [_of_rule(rule, each) for rule, each in found.items()]
    return Use(
        sorted(rules, key=lambda each: (-each.wall_s, each.rule)),
        spans[0][0] if spans else None,
        max(end for _, end in spans) if spans else None,
        _busy(spans),
        len({usage["host"] for usage in every}),
    )


def machine() -> list[tuple[str, str]]:
    """What this process runs on: names and values, without the name of the machine."""
    import psutil

    memory = psutil.virtual_memory().total / 2**30
    return [
        ("Processor", f"{_processor()}, {os.cpu_count()} logical cores"),
        ("Memory", f"{memory:.1f} GiB"),
        ("GPU", _gpu()),
        ("System", f"{platform.system()} {platform.machine()}"),
        ("Python", platform.python_version()),
    ]


def packages(names: Iterable[str] = PACKAGES) -> list[Package]:
    """Those that are installed, in order."""
    found = []
    for name in names:
        try:
            about = metadata(name)
        except PackageNotFoundError:
            continue
        found.append(Package(name, about["Version"], _licence(about)))
    return found


def spoken(seconds: float) -> str:
    """A duration: ``42 s``, ``3 min 5 s``, ``2 h 7 min``."""
    if not math.isfinite(seconds):
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _rules(logs: Mapping[str, str]) -> list[tuple[str, re.Pattern[str]]]:
    """Rules with the expressions of their logs, those with the fewest wildcards first."""
    found = [(rule, re.compile(f"(?:.*/)?(?:{text})")) for rule, text in logs.items()]
    return sorted(found, key=lambda each: (each[1].groups, -len(each[1].pattern), each[0]))


def _rule_of(log: str, rules: list[tuple[str, re.Pattern[str]]]) -> str | None:
    return next((rule for rule, pattern in rules if pattern.fullmatch(log)), None)


def _of_rule(rule: str, jobs: list[Usage]) -> RuleUse:
    return RuleUse(
        rule,
        len(jobs),
        sum(job["wall_s"] for job in jobs),
        sum(job["cpu_s"] for job in jobs),
        max(job["wall_s"] for job in jobs),
        max(job["peak_mb"] for job in jobs),
        max(job["peak_mb"] - job["loaded_mb"] for job in jobs),
        sum(job["ended"] != "finished" for job in jobs),
    )


def _span(usage: Usage) -> tuple[datetime, datetime]:
    began = datetime.fromisoformat(usage["started"])
    return began, began + timedelta(seconds=usage["wall_s"])


def _busy(spans: list[tuple[datetime, datetime]]) -> float:
    """Seconds of the union of spans, which are sorted."""
    total, until = 0.0, None
    for begin, end in spans:
        start = begin if until is None or begin > until else until
        total += max(0.0, (end - start).total_seconds())
        until = end if until is None or end > until else until
    return total


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", path.read_text(), re.M) if path.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    """Names of the GPUs as their driver has them."""
    import shutil
    import subprocess

    if shutil.which("nvidia-smi") is None:
        return "none found"
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ", ".join(done.stdout.split("\n")).strip(", ") or "none found"


def _licence(about) -> str:
    """The licence of a package's metadata; its classifier where the field holds a whole text."""
    expression = about.get("License-Expression") or ""
    if expression:
        return expression
    classifiers = [
        each.rsplit(" :: ", 1)[1]
        for each in about.get_all("Classifier") or []
        if each.startswith("License :: ") and each.rsplit(" :: ", 1)[1] != "OSI Approved"
    ]
    field = (about.get("License") or "").strip()
    return classifiers[0] if classifiers else (field if 0 < len(field) < 60 else "see its files")
