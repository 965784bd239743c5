"""How a script starts: its log, its threads, its measurement, and how it tells what went wrong."""

import errno
import logging
import os
import sys
import time
import traceback
from pathlib import Path

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.usage import Measurement

log = logging.getLogger("anatomy")

PROGRESS_SECONDS = 10.0


def begin(log_file: str, threads: int) -> None:
    """Start a job: log to `log_file` and to the terminal, use `threads` threads, report errors.

    Call it once, after a script's imports. An `AnatomyError` and a full disk become one line,
    every other exception a traceback; all of them end up in the log file too. What the job used is
    written beside the log file when it ends.
    """
    Path(log_file).parent.mkdir(parents=True, exist_ok=True)
    measurement = Measurement(log_file, threads)

    def report(kind, error, trace) -> None:
        measurement.ended = _report(kind, error, trace)

    sys.excepthook = report
    formatter = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    for handler in (logging.StreamHandler(sys.stderr), logging.FileHandler(log_file, "w")):
        handler.setFormatter(formatter)
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    limit_threads(threads)


def limit_threads(threads: int) -> None:
    """Make BLAS, OpenMP and torch use `threads` threads, whether loaded already or later."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def _report(kind, error, trace) -> str:
    """Log an exception, and return how it ended the job, in the words of `Usage`."""
    if isinstance(error, AnatomyError):
        log.error("error: %s", error)
        return "error"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = error.filename or "the results folder"
        log.error("error: no space left on the device while writing %s; free some and rerun", where)
        return "error"
    if kind is KeyboardInterrupt:
        log.error("interrupted")
        return "interrupted"
    log.error("".join(traceback.format_exception(kind, error, trace)).rstrip())
    return "exception"


class Progress:
    """A line on the terminal now and then, so that a long job is seen to be alive.

    `Progress("harvest eval", total=600)`, then `progress(done, "loss 3.2")` as often as wanted.
    """

    def __init__(self, what: str, total: int):
        self.what, self.total = what, total
        self.started = self.shown = time.monotonic()

    def __call__(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if now - self.shown < PROGRESS_SECONDS:
            return
        self.shown = now
        left = (now - self.started) * (self.total - done) / max(done, 1)
        log.info("%s: %d of %d, %.0f s left %s", self.what, done, self.total, left, note)
