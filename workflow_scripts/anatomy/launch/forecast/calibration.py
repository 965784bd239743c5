"""Rates of the machine at hand, from what jobs recorded of themselves."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import write_json
from workflow_scripts.anatomy.base.usage import SUFFIX, Usage, usages
from workflow_scripts.anatomy.launch.forecast.laptop import Work
from workflow_scripts.anatomy.launch.forecast.planned import Job

# How much what is usual counts beside a rule's jobs, as if it were so many of them: what records of
# small jobs cannot tell, as the time of an operation, is then as everywhere.
PRIOR = 0.05
OTHERS = "others"


@dataclass(frozen=True)
class Rate:
    """How much slower than the laptop a rule is, in what is fixed and what is scaled; from how many jobs.

    own_mb: the most that a job of it added to what it had loaded, MiB; 0 where none did.
    """

    fixed: float = 1.0
    scaled: float = 1.0
    jobs: int = 0
    own_mb: float = 0.0


LAPTOP = {OTHERS: Rate()}


def recorded(jobs: list[Job]) -> dict[int, Usage]:
    """Place of a job -> what it used, of those that finished and left a record beside their log."""
    found = {}
    for number, job in enumerate(jobs):
        path = Path(job.log.removesuffix(".log") + SUFFIX)
        if job.log and path.is_file():
            for _, usage in _one(path):
                if usage["ended"] == "finished":
                    found[number] = usage
    return found


def _one(path: Path) -> Iterable[tuple[Path, Usage]]:
    return [(where, usage) for where, usage in usages(path.parent) if where == path]


def fitted(jobs: list[Job], works: list[Work], used: dict[int, Usage]) -> dict[str, Rate]:
    """Rule -> its rates, by least squares of errors beside the laptop's seconds; `OTHERS` has the median of all rules.

    Both rates of a rule are at least 0 and are drawn to the median by `PRIOR`: with jobs of one size,
    or small ones alone, the records do not tell the two apart.
    """
    by_rule: dict[str, list[int]] = {}
    for number in used:
        by_rule.setdefault(jobs[number].rule, []).append(number)
    ratios = [
        sum(used[each]["wall_s"] for each in numbers)
        / sum(_laptop(jobs[each], works[each], used[each]) for each in numbers)
        for numbers in by_rule.values()
    ]
    usual = median(ratios) if ratios else 1.0
    rates = {OTHERS: Rate(usual, usual, len(used))}
    for rule, numbers in sorted(by_rule.items()):
        fixed, scaled = _fit(
            [_parts(jobs[each], works[each], used[each]) for each in numbers],
            [used[each]["wall_s"] for each in numbers],
            usual,
        )
        most = max(used[each]["peak_mb"] - used[each]["loaded_mb"] for each in numbers)
        rates[rule] = Rate(fixed, scaled, len(numbers), most)
    return rates


def _laptop(job: Job, work: Work, usage: Usage) -> float:
    return max(work.seconds(usage["threads"], job.gpu), 1e-3)


def _parts(job: Job, work: Work, usage: Usage) -> tuple[float, float]:
    fixed = work.fixed
    return fixed, work.seconds(usage["threads"], job.gpu) - fixed


def _fit(parts: list[tuple[float, float]], walls: list[float], usual: float) -> tuple[float, float]:
    import numpy as np
    from scipy.optimize import nnls

    # By what is expected and not by what was recorded: the sum of all jobs would come out too small.
    expected = np.maximum([sum(each) for each in parts], 1e-3)
    weight = np.sqrt(PRIOR)
    rows = np.vstack([np.array(parts) / expected[:, None], weight * np.eye(2)])
    rates, _ = nnls(rows, np.concatenate([walls / expected, np.full(2, weight * usual)]))
    return float(rates[0]), float(rates[1])


def load(file: Path) -> dict[str, Rate]:
    """Rates that were written; those of the laptop where there is no file.

    Raises
    ------
    AnatomyError: the file holds something else.
    """
    if not file.is_file():
        return LAPTOP
    try:
        return {rule: Rate(**rate) for rule, rate in json.loads(file.read_text()).items()}
    except (ValueError, TypeError, AttributeError):
        raise AnatomyError(
            f"{file} holds no rates; delete it, or write it anew with --calibrate"
        ) from None


def save(file: Path, rates: dict[str, Rate]) -> None:
    """Write rates, for forecasts of other configurations."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, {rule: asdict(rate) for rule, rate in rates.items()})
