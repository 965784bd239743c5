"""Snakemake's records, shown: on a terminal as a bar with what runs below it, elsewhere a line a job."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from workflow_scripts.anatomy.launch.terminal.jobs import Job, Jobs, about, duration
from workflow_scripts.anatomy.launch.terminal.redirected import Redirected

# What Snakemake says in every run, and nobody needs to know.
USUAL = (
    *("Assuming unrestricted shared filesystem", "Building DAG of jobs", "Using shell:", "host:"),
    *("Using workflow specific profile", "Using profile", "Conda environments: ignored"),
    *("Select jobs to execute", "Execute ", "Provided ", "Rules claiming more", "Group jobs:"),
    *(
        "Shutting down, this might take",
        "This was a dry-run",
        "Elapsed time",
        "Singularity containers",
    ),
)
# What it says once it runs and everybody wants to know.
WANTED = ("Nothing to be done", "Complete log(s)", "At least one job did not complete")
REFRESHES = 2  # a second
SHOWN = 8  # running jobs below the bar


class Screen:
    """Where the records of one run are shown.

    dry: nothing is run, so what would be is listed by rule.
    stream: by default the standard error; a bar is drawn where it is a terminal.
    """

    def __init__(
        self,
        dry: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.dry, self.clock = dry, clock
        self.stream = stream or sys.stderr
        self.jobs, self.planned = Jobs(clock()), False
        self.live: Any = None
        self.redirected: Redirected | None = None
        self.lock = threading.RLock()  # the bar is redrawn by a thread of its own

    def show(self, record: logging.LogRecord) -> None:
        """Show one record: an event of Snakemake, or plain text."""
        event = getattr(record, "event", None)
        found = getattr(self, f"_{event}", None) if event else self._text
        if found is not None:
            with self.lock:
                lines = list(found(record))
            self._print(lines)

    def close(self) -> None:
        """Take the bar away."""
        if self.live is not None:
            self.live.stop()
            self.live = None
        if self.redirected is not None:
            print(f"what jobs printed: {self.redirected.path}", file=self.stream, flush=True)
            self.redirected.close()
            self.redirected, self.stream = None, sys.stderr

    def _text(self, record: logging.LogRecord) -> Iterable[str]:
        message = record.getMessage().strip()
        wanted = message.startswith(WANTED) if self.planned else not message.startswith(USUAL)
        if message and message != "None" and (wanted or record.levelno >= logging.WARNING):
            yield message

    def _run_info(self, record: Any) -> Iterable[str]:
        if self.planned:
            return
        self.planned = True
        self.jobs.plan(record.stats, self.clock())
        if self.dry:
            width = max(map(len, self.jobs.waiting), default=0)
            for rule, count in sorted(self.jobs.waiting.items()):
                yield f"  {rule:{width}}  {count:>5}"
            yield f"{self.jobs.total} jobs would run; this was a dry run, and nothing was done"
            return
        if self.stream is sys.stderr:
            self.redirected = Redirected()
            self.stream = self.redirected.terminal
        if self.stream.isatty():
            self.live = self._bar()
            self.live.start()
        else:
            yield f"{self.jobs.total} jobs to run"

    def _job_info(self, record: Any) -> Iterable[str]:
        if not self.dry:
            logs = tuple(str(log) for log in record.log or ())
            job = Job(record.rule_name, about(record.wildcards), logs, self.clock())
            self.jobs.start(record.jobid, job)
        return ()

    def _job_finished(self, record: Any) -> Iterable[str]:
        ended = self.jobs.end(record.job_id, self.clock())
        if ended is not None and self.live is None and not self.dry:
            job, seconds = ended
            width = len(str(self.jobs.total))
            yield f"[{self.jobs.done:>{width}}/{self.jobs.total}] {job.label} ({duration(seconds)})"

    def _job_error(self, record: Any) -> Iterable[str]:
        ended = self.jobs.end(record.jobid, self.clock(), failed=True)
        job = ended[0] if ended else None
        logs = job.logs if job else tuple(str(log) for log in record.log or ())
        yield f"FAILED: {job.label if job else record.rule_name}"
        for log in logs:
            yield f"  its log, {log}:"
            try:
                text = Path(log).read_text(errors="replace")
            except OSError:
                text = "(it did not get as far as that)"
                if self.redirected is not None:
                    text += f"; what it printed is in {self.redirected.path}"
            yield from (f"    {line}" for line in text.splitlines())

    def _group_error(self, record: Any) -> Iterable[str]:
        yield record.getMessage()

    def _error(self, record: Any) -> Iterable[str]:
        yield record.getMessage()

    def _print(self, lines: list[str]) -> None:
        if not lines:
            return
        if self.live is not None:
            from rich.text import Text

            # As text, so that nothing in a log is taken for markup.
            self.live.console.print(Text("\n".join(lines)), soft_wrap=True)
        else:
            print(*lines, sep="\n", file=self.stream, flush=True)

    def _bar(self) -> Any:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self.stream, highlight=False)
        return Live(
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=self._drawn,
        )

    def _drawn(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self.lock:
            now, jobs = self.clock(), self.jobs
            left, running = jobs.left(now), list(jobs.running.values())
            head = f"{jobs.done} of {jobs.total} jobs, {duration(now - jobs.begun)}"
            head += f", about {duration(left)} left" if left is not None else ""
            head += f", {jobs.failed} failed" if jobs.failed else ""
            done, total = jobs.done, jobs.total
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        row.add_row(ProgressBar(total=total or 1, completed=done), Text(head))
        lines = [
            Text(
                f"  {job.label} ({duration(now - job.started)})", no_wrap=True, overflow="ellipsis"
            )
            for job in running[:SHOWN]
        ]
        if len(running) > SHOWN:
            lines.append(Text(f"  and {len(running) - SHOWN} more"))
        return Group(row, *lines)
