"""How a script starts: its log, its threads, its measurement, and how it tells what went wrong."""

import atexit
import logging
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base import digests
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.failures import WholeLines, in_a_sentence
from workflow_scripts.anatomy.base.usage import Measurement

log = logging.getLogger("anatomy")

PROGRESS_SECONDS = 10.0


def begin(log_file: str, threads: int) -> None:
    """Start a job: log to `log_file` and to the terminal, use `threads` threads, report errors.

    Call it once, after a script's imports. An `AnatomyError` and a full disk become one line,
    every other exception a traceback; all of them end up in the log file too. What the job used is
    written beside the log file when it ends.
    """
    measurement = Measurement(log_file, threads)

    def report(kind, error, trace) -> None:
        measurement.ended = _report(kind, error, trace)

    sys.excepthook = report
    formatter = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    unwritable: OSError | None = None
    try:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(WholeLines(log_file, "w"))
    except OSError as error:
        unwritable = error
    for handler in handlers:
        handler.setFormatter(formatter)
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    limit_threads(threads)
    if unwritable is not None:
        raise unwritable
    # Snakemake puts it among the globals of the script that it runs; other programs have none.
    job = getattr(sys.modules["__main__"], "snakemake", None)
    if job is not None:
        _check_and_record(job, measurement)


def _check_and_record(job: Any, measurement: Measurement) -> None:
    """Compare a job's inputs with the records of what wrote them; when it ends well, record its outputs."""
    roots = digests.Roots.of(job.config)
    inputs, outputs, process = (
        [str(f) for f in job.input],
        [str(f) for f in job.output],
        os.getpid(),
    )
    digests.forget(roots, outputs)
    digests.check(roots, inputs)

    def record() -> None:
        if os.getpid() == process and measurement.ended == "finished":
            try:
                digests.record(roots, inputs, outputs)
            except OSError as error:  # too late to fail: what was asked for is there
                log.warning("no digests of the outputs are kept: %s", error)

    atexit.register(record)


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
    if kind is KeyboardInterrupt:
        log.error("interrupted")
        return "interrupted"
    line = str(error) if isinstance(error, AnatomyError) else in_a_sentence(error, trace)
    if line is not None:
        log.error("error: %s", line)
        return "error"
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
