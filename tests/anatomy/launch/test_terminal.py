"""What is shown while a run is under way: a bar on a terminal, a line for each job elsewhere."""

import io
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.anatomy.launch.outcome import findings, is_dry, results, run_name
from workflow_scripts.anatomy.launch.terminal.jobs import Job, Jobs, about, duration
from workflow_scripts.anatomy.launch.terminal.screen import Screen

ROOT = Path(__file__).resolve().parents[3]
RULES = """
rule all:
    input: expand("out/{i}.txt", i=range(3))
rule make:
    output: "out/{i}.txt"
    log: "logs/{i}.log"
    shell:
        "sleep 0.8; echo noise; echo said >&2; echo why it is [bold]so[/bold] > {log}; "
        "test {wildcards.i} != BAD && touch {output}"
"""


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def record(event=None, message=None, level=logging.INFO, **fields):
    made = logging.LogRecord("snakemake", level, "", 0, message, None, None)
    made.__dict__ |= fields | ({"event": event} if event else {})
    return made


def started(number, rule="fit", log=(), **wildcards):
    return record("job_info", jobid=number, rule_name=rule, wildcards=wildcards, log=list(log))


@pytest.fixture
def shown():
    """A screen that is no terminal, its clock, and what it says."""
    stream, clock = io.StringIO(), Clock()
    screen = Screen(stream=stream, clock=clock)
    return screen, clock, stream


def test_without_a_terminal_every_job_is_a_line(shown):
    screen, clock, stream = shown
    screen.show(record(message="Building DAG of jobs..."))
    screen.show(record(message="dark_matter_fig7 is left out: no error SAEs"))
    screen.show(record("run_info", stats={"fit": 11, "total": 11}))
    screen.show(started(4, model="m", sae="a-w8"))
    screen.show(record(message="Select jobs to execute..."))
    clock.now = 75
    screen.show(record("job_finished", job_id=4))
    screen.show(record(message="careful", level=logging.WARNING))
    assert stream.getvalue().splitlines() == [
        "dark_matter_fig7 is left out: no error SAEs",
        "11 jobs to run",
        "[ 1/11] fit m a-w8 (1 min 15 s)",
        "careful",
    ]


def test_an_error_is_shown_in_full(shown, tmp_path):
    screen, _, stream = shown
    log = tmp_path / "fit.log"
    log.write_text("\n".join(f"line {i} [red]" for i in range(300)))
    screen.show(record("run_info", stats={"fit": 1, "total": 1}))
    screen.show(started(0, log=[log]))
    screen.show(record("job_error", jobid=0, rule_name="fit", log=[str(log)], level=logging.ERROR))
    lines = stream.getvalue().splitlines()
    assert lines[1] == "FAILED: fit"
    assert [line.strip() for line in lines[3:]] == [f"line {i} [red]" for i in range(300)]


def test_a_dry_run_lists_what_would_run():
    stream = io.StringIO()
    screen = Screen(dry=True, stream=stream)
    for _ in range(2):  # Snakemake says it before and after
        screen.show(record("run_info", stats={"fit": 2, "draw_all": 10, "total": 12}))
        screen.show(started(3))
        screen.show(record("job_finished", job_id=3))
    assert stream.getvalue().splitlines() == [
        "  draw_all     10",
        "  fit           2",
        "12 jobs would run; this was a dry run, and nothing was done",
    ]


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=6), st.integers(0, 5))
def test_jobs_one_after_another_leave_what_they_leave(seconds, others):
    """Without anything side by side, the time left is the others' number times the mean."""
    jobs, now = Jobs(0.0), 0.0
    jobs.plan({"fit": len(seconds) + others, "total": 99}, 0.0)
    assert jobs.left(1.0) is None
    for number, each in enumerate(seconds):
        jobs.start(number, Job("fit", "", (), now))
        now += each
        assert jobs.end(number, now) is not None
    mean = sum(seconds) / len(seconds)
    assert jobs.left(now) == pytest.approx(others * mean)
    assert (jobs.done, jobs.total) == (len(seconds), len(seconds) + others)


def test_two_at_a_time_take_half_as_long():
    jobs = Jobs(0.0)
    jobs.plan({"fit": 6, "total": 6}, 0.0)
    for number in (0, 1):
        jobs.start(number, Job("fit", "", (), 0.0))
    for number in (0, 1):
        jobs.end(number, 10.0)
    assert jobs.left(10.0) == pytest.approx(20.0)
    assert jobs.end(7, 10.0) is None


def test_words():
    times = [duration(each) for each in (0.4, 59.4, 61, 3725)]
    assert times == ["0 s", "59 s", "1 min 01 s", "1 h 02 min"]
    assert about({"model": "m", "k": 3}) == "m 3"
    assert about(None) == ""


@pytest.mark.parametrize(
    ("arguments", "dry"),
    [
        (["-n"], True),
        (["-np", "all"], True),
        (["--dry-run"], True),
        (["--cores", "2", "-n"], True),
        (["--nolock"], False),
        (["--config", "run=n"], False),
        (["-j4"], False),
    ],
)
def test_is_dry(arguments, dry):
    assert is_dry(arguments) is dry


def test_a_run_ends_with_its_report_and_what_it_found(tmp_path):
    report = tmp_path / "results" / "r" / "report"
    report.mkdir(parents=True)
    assert results(tmp_path, "r") == []
    (report / "index.html").touch()
    (report / "findings.json").write_text('{"findings": ["One.", "Two.", "Three."]}')
    assert results(tmp_path, "r") == [
        "  report  results/r/report/index.html",
        "   found  One.",
        "   found  Two.",
        "   found  Three.",
    ]
    (report / "findings.json").write_text("[]")
    assert findings(report / "findings.json") == []


def test_a_configuration_without_a_name(tmp_path):
    (tmp_path / "c.yaml").write_text("saes: {mine: {}}\n")
    assert run_name(tmp_path, ["--configfile", "c.yaml"]) == "mine"


def launched(folder: Path, *arguments: str, rules: str = RULES) -> tuple[int, str]:
    """The launcher on a terminal, in a folder with a small workflow: its status, and what it shows."""
    (folder / "Snakefile").write_text(rules)
    command = [sys.executable, "-m", "workflow_scripts.anatomy.launch", "--cores", "2", *arguments]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "ANATOMY_WARM_START": "no",
        "TERM": "xterm",
    }
    main, side = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=side, stderr=side, stdin=side
    )
    os.close(side)
    said = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(main)
    return process.wait(), said.decode()


def test_on_a_terminal_there_is_a_bar_and_the_flood_goes_to_a_file(tmp_path):
    status, said = launched(tmp_path)
    assert status == 0
    assert "of 4 jobs" in said
    assert "make 0" in said
    assert "noise" not in said
    assert "Finished jobid" not in said
    (jobs,) = (tmp_path / ".snakemake" / "log").glob("*.jobs.log")
    assert jobs.read_text().count("noise") == 3
    (log,) = (tmp_path / ".snakemake" / "log").glob("*.snakemake.log")
    assert "4 of 4 steps (100%) done" in log.read_text()


def test_on_a_terminal_a_failure_is_shown_with_its_log(tmp_path):
    status, said = launched(tmp_path, rules=RULES.replace("BAD", "1"))
    assert status == 1
    assert "FAILED: make 1" in said
    assert "why it is [bold]so[/bold]" in said


def test_a_dry_run_beside_a_live_one_changes_nothing(tmp_path):
    (tmp_path / ".snakemake").mkdir()
    from workflow_scripts.anatomy.launch.leftovers import only_launch

    with only_launch(tmp_path):
        status, said = launched(tmp_path, "-n")
    assert status == 0
    assert "4 jobs would run; this was a dry run, and nothing was done" in said
    assert "results" not in said
    assert not (tmp_path / "out").exists()
