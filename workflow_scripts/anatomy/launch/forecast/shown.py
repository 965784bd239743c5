"""A forecast in words."""

from workflow_scripts.anatomy.launch.forecast.costs import Forecast
from workflow_scripts.anatomy.report.page.used import spoken

SHOWN = 0.01  # of all core-seconds, bytes or GPU-seconds; the rules below are one line


def table(found: Forecast) -> list[str]:
    """A line a rule, costliest first, what is small together, and all."""
    large = [
        each
        for each in found.rules
        if each.core_s > SHOWN * found.core_s
        or each.written > SHOWN * found.written
        or each.gpu_s > SHOWN * found.gpu_s
    ]
    small = [each for each in found.rules if each not in large]
    lines = [
        f"{'rule':<34} {'jobs':>5} {'core-hours':>11} {'GPU-hours':>10} {'disk':>9} {'memory':>9}"
    ]
    rows = [
        (each.rule, each.jobs, each.core_s, each.gpu_s, each.written, each.own_mb) for each in large
    ]
    if small:
        rows.append(
            (
                f"{len(small)} other rules",
                sum(each.jobs for each in small),
                sum(each.core_s for each in small),
                sum(each.gpu_s for each in small),
                sum(each.written for each in small),
                max(each.own_mb for each in small),
            )
        )
    rows.append(("in all", found.jobs, found.core_s, found.gpu_s, found.written, found.peak_mb))
    for rule, jobs, core_s, gpu_s, written, memory in rows:
        gpu = f"{gpu_s / 3600:.3g}" if gpu_s else "–"
        lines.append(
            f"{rule:<34} {jobs:>5} {core_s / 3600:>11.3f} {gpu:>10}"
            f" {bytes_spoken(written):>9} {bytes_spoken(memory * 2**20):>9}"
        )
    return lines


def last_line(found: Forecast) -> str:
    """What is expected, in one line."""
    if not found.jobs:
        return "expected: nothing to do"
    gpu = f", {found.gpu_s / 3600:.1f} GPU-hours" if found.gpu_s else ""
    cores = f"{found.cores} core{'s' if found.cores > 1 else ''}"
    jobs = f"{found.jobs} job{'s' if found.jobs > 1 else ''}"
    return (
        f"expected: {spoken(found.wall_s)} on {cores} for {jobs}"
        f" ({found.core_s / 3600:.2f} core-hours{gpu}), {bytes_spoken(found.written)} of disk,"
        f" {bytes_spoken(found.peak_mb * 2**20)} of memory"
    )


def bytes_spoken(count: float) -> str:
    """``850 kB``, ``1.9 GB``: powers of ten, as disks have them."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return (
                f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:.0f} {unit}"
            )
    return f"{count / 1e3:.0f} kB"
