"""What a job used: its time, CPU and memory, and how it ended, in a file beside its log.

Jobs measure themselves, so that the numbers are theirs and in one format whatever started them. One
that runs in the warm process is a fork, and Snakemake measures the process that waits for it.
"""

import atexit
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from workflow_scripts.anatomy.base.store import write_json

SUFFIX = ".usage.json"
MAXRSS_PER_MB = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere


class Usage(TypedDict):
    """What a job used from the start of its process, imports included, to its end.

    started: ISO 8601, UTC.
    wall_s: seconds; those before the script calls `begin` only where the system tells them.
    cpu_s: user and system seconds of the job and of those of its children that it waited for.
    peak_mb: the largest resident set, in MiB, of the job or of one of its children, not their sum.
    loaded_mb: the same when the script called `begin`, so before it did its own work.
    threads: how many its rule gave it.
    host: the machine's name.
    ended: "finished"; "error", which the log explains in a line; "exception", with a traceback in
        the log; or "interrupted". A script that calls `sys.exit` counts as finished.

    A job in the warm process starts with its fork, and wall_s and cpu_s hold nothing of what was
    loaded before. Its resident set does hold those pages, shared as they are, as that of a process
    with the same imports would. So by itself the job would take less than peak_mb, by the modules that
    it has no use for; peak_mb - loaded_mb, its own work, is much the same either way.
    """

    started: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    loaded_mb: float
    threads: int
    host: str
    ended: str


class Measurement:
    """Measures this process from its start and, when it ends, writes its usage beside its log.

    A process that is killed writes none, and that of an earlier try goes at once. A failure to
    write changes nothing about the job. Set `ended` when it does not just finish.
    """

    def __init__(self, log_file: str, threads: int):
        age = _age()
        self.started, self.begun = time.time() - age, time.monotonic() - age
        self.loaded, self.threads, self.ended = _peak_mb(), threads, "finished"
        # Absolute: a script may change its folder.
        self.path = Path(log_file.removesuffix(".log") + SUFFIX).absolute()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        atexit.register(self._write, os.getpid())

    def _write(self, process: int) -> None:
        if os.getpid() != process:  # a child that the script forked, and that ends as Python ends
            return
        usage = Usage(
            started=datetime.fromtimestamp(self.started, UTC).isoformat(timespec="milliseconds"),
            wall_s=round(time.monotonic() - self.begun, 3),
            cpu_s=round(sum(os.times()[:4]), 3),
            peak_mb=round(_peak_mb(), 1),
            loaded_mb=round(self.loaded, 1),
            threads=self.threads,
            host=os.uname().nodename,
            ended=self.ended,
        )
        with suppress(OSError):
            write_json(self.path, usage)


def usages(folder: str | Path) -> Iterator[tuple[Path, Usage]]:
    """The usage files below `folder` and what is in them, in the order of their paths.

    What is not as jobs write it is left out: a power cut may leave an empty file.
    """
    for path in sorted(Path(folder).rglob(f"*{SUFFIX}")):
        with suppress(ValueError):
            usage = json.loads(path.read_text())
            if isinstance(usage, dict) and usage.keys() >= Usage.__required_keys__:
                yield path, Usage(**usage)  # type: ignore[typeddict-item]


def _age() -> float:
    """Seconds since this process began, as a fork or as a program; 0 where that is not known."""
    if sys.platform != "linux":
        import psutil

        return time.time() - psutil.Process().create_time()
    # psutil knows a Linux's start to the second only.
    with suppress(OSError, IndexError, ValueError):
        start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        ticks = os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(start) / ticks)
    return 0.0


def _peak_mb() -> float:
    """The largest resident set of this process or of one of its children."""
    own, children = (
        resource.getrusage(whose).ru_maxrss / MAXRSS_PER_MB
        for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    # On Linux ru_maxrss begins with the memory of what started the process: Snakemake's, here.
    with suppress(OSError, IndexError, ValueError):
        status = Path("/proc/self/status").read_text()
        own = int(status.partition("VmHWM:")[2].split()[0]) / 2**10
    return max(own, children)
