"""The launcher: one run in a folder, leftovers of a killed one, interruptions, last words."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.launch import leftovers
from workflow_scripts.anatomy.launch.outcome import (
    KILLED,
    READ_ONLY,
    error_lines,
    hindered,
    results,
    run_name,
)

ROOT = Path(__file__).resolve().parents[3]
SLEEP = "import time\nprint('ready', flush=True)\ntime.sleep(60)\n"


def soon(condition, seconds=20.0) -> bool:
    """Whether a condition is met before some seconds are over."""
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return met


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def start(tmp_path):
    """Start Python in a folder and wait until it says "ready"; it is stopped after the test."""
    started = []

    def run(*arguments, cwd=tmp_path):
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline().startswith("ready")
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def fake_snakemake(folder, body):
    """A package that `python -m snakemake` finds in `folder` before the real one."""
    package = folder / "snakemake"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(body)


def fake_job(folder, body=SLEEP):
    script = folder / ".snakemake" / "scripts" / "tmp1.train_saes.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(body)
    return script


def lock(folder):
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "0.output.lock").write_text("results/a.csv\n")


def launch(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "workflow_scripts.anatomy.launch", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


HOLD = (
    "import time; from pathlib import Path\n"
    "from workflow_scripts.anatomy.launch.leftovers import only_launch\n"
    "with only_launch(Path.cwd()):\n    print('ready', flush=True); time.sleep(60)"
)


def test_a_second_launch_is_refused_with_the_first_ones_pid(tmp_path, start):
    first = start("-c", HOLD)
    with (
        pytest.raises(AnatomyError, match=f"another run is under way.*pid {first.pid}"),
        leftovers.only_launch(tmp_path),
    ):
        pass


def test_the_launch_lock_goes_with_its_process_even_after_kill_9(tmp_path, start):
    first = start("-c", HOLD)
    first.kill()
    first.wait()
    with leftovers.only_launch(tmp_path):
        assert (tmp_path / leftovers.LAUNCH_LOCK).read_text() == f"{os.getpid()}\n"


def refusal(folder):
    """Why a run in a folder is refused; None where it is not."""
    try:
        leftovers.require_unused(folder)
    except AnatomyError as error:
        return str(error)
    return None


def test_a_stale_lock_is_no_reason_to_refuse(tmp_path, start):
    fake_snakemake(tmp_path, SLEEP)
    process = start("-m", "snakemake")
    assert not leftovers.is_locked(tmp_path)
    lock(tmp_path)
    assert f"pid {process.pid}" in refusal(tmp_path)
    process.kill()
    process.wait()
    assert leftovers.is_locked(tmp_path)
    assert refusal(tmp_path) is None


def test_a_live_snakemake_that_holds_the_lock_is_one(tmp_path, start):
    fake_snakemake(tmp_path, SLEEP)
    process = start("-m", "snakemake", "--cores", "2")
    assert refusal(tmp_path) is None, "without a lock it is a dry run, or a report"
    lock(tmp_path)
    assert f"pid {process.pid}" in refusal(tmp_path)


def test_a_snakemake_of_another_folder_is_none(tmp_path, start):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    fake_snakemake(elsewhere, SLEEP)
    process = start("-m", "snakemake", cwd=elsewhere)
    for folder in (tmp_path, elsewhere):
        lock(folder)
    assert refusal(tmp_path) is None
    assert f"pid {process.pid}" in refusal(elsewhere)


def test_jobs_that_a_killed_run_left_are_stopped_and_others_are_not(tmp_path, start):
    orphan = start(fake_job(tmp_path))
    shell = start("-c", SLEEP)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = start(fake_job(elsewhere), cwd=elsewhere)
    assert leftovers.stop_orphans(tmp_path) == [orphan.pid]
    assert orphan.poll() is not None
    assert shell.poll() is None, "not a job"
    assert other.poll() is None, "a job of another folder"


def test_a_job_that_does_not_listen_is_killed_with_its_children(tmp_path, start, monkeypatch):
    monkeypatch.setattr(leftovers, "SECONDS_TO_STOP", 0.5)
    body = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('ready', child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    orphan = start(fake_job(tmp_path, body))
    (child,) = psutil.Process(orphan.pid).children()
    assert leftovers.stop_orphans(tmp_path) == [orphan.pid]
    assert orphan.poll() is not None
    assert soon(lambda: has_ended(child))


def test_jobs_of_a_live_snakemake_are_its_own(tmp_path, start):
    fake_snakemake(tmp_path, SLEEP)
    start("-m", "snakemake")
    job = start(fake_job(tmp_path))
    assert leftovers.stop_orphans(tmp_path) == []
    assert job.poll() is None


SUPERVISE = (
    "import sys; from workflow_scripts.anatomy.launch.supervision import supervise\n"
    "sys.exit(supervise(sys.argv[1:]))"
)
FAMILY = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_of_the_launcher_alone_stops_the_whole_family(start, number):
    launcher = start("-c", SUPERVISE, sys.executable, "-c", FAMILY)
    family = psutil.Process(launcher.pid).children(recursive=True)
    assert len(family) == 2
    launcher.send_signal(number)
    assert launcher.wait(10) == 128 + signal.SIGINT
    assert soon(lambda: not any(member.is_running() for member in family))


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_snakemake_does_not_outlive_a_killed_launcher(start):
    launcher = start("-c", SUPERVISE, sys.executable, "-c", SLEEP)
    (child,) = psutil.Process(launcher.pid).children()
    launcher.kill()
    assert soon(lambda: has_ended(child))


@pytest.mark.parametrize(("end", "status"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_the_exit_status_is_handed_on(end, status):
    command = [sys.executable, "-c", SUPERVISE, sys.executable, "-c", f"import os, sys; {end}"]
    run = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert run.returncode == status


def test_error_lines_are_those_of_this_run(tmp_path):
    def write(name, text, age=0.0):
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (time.time() - age,) * 2)

    trace = "Traceback (most recent call last):\n  File x\nZeroDivisionError: by zero\n"
    write("store/logs/old.log", "error: of yesterday\n", age=3600)
    write("store/logs/deep/a.log", trace)
    write("mine/logs/b.log", "10:00:00 model: 3 of 4\n10:00:01 error: config: seed is 'x'\n")
    write("mine/logs/c.log", "10:00:00 the reconstruction error: 0.3\n")
    write("mine/logs/d.txt", "error: not a log\n")
    write("mine/logs/e.log", "10:00:00 codes: 3 of 4\n")  # and then it was killed
    for name in ("store/logs/deep/a", "mine/logs/b", "mine/logs/c"):
        write(f"{name}.usage.json", "{}\n")
    assert error_lines(tmp_path, since=time.time() - 60) == [
        "error: config: seed is 'x' [results/mine/logs/b.log]",
        f"error: {KILLED} [results/mine/logs/e.log]",
        "error: ZeroDivisionError: by zero [results/store/logs/deep/a.log]",
    ]
    assert error_lines(tmp_path / "nothing", since=0) == []


@pytest.mark.parametrize(
    ("arguments", "run"),
    [
        ([], "default"),
        (["--configfile", "gemma.yaml", "--cores", "2"], "gemma"),
        (["--configfile=gemma.yaml"], "gemma"),
        (["--configfile", "gemma.yaml", "other.yaml"], "other"),
        (["--configfile", "gemma.yaml", "no_name.yaml"], "gemma"),
        (["--config", "seed=1", "run=mine"], "mine"),
        (["dark_matter_fig4", "-n"], "default"),
        (["--configfile", "missing.yaml"], "default"),
    ],
)
def test_run_name(tmp_path, arguments, run):
    for name in ("gemma", "other"):
        (tmp_path / f"{name}.yaml").write_text(f"run: {name}\n")
    (tmp_path / "no_name.yaml").write_text("seed: 1\n")
    (tmp_path / "config.yaml").write_text("run: default\n")
    assert run_name(tmp_path, arguments) == run


def test_run_name_without_a_readable_configuration(tmp_path):
    assert run_name(tmp_path, []) is None
    (tmp_path / "config.yaml").write_text("run: [unclosed\n")
    assert run_name(tmp_path, []) is None


def test_results_lists_what_there_is(tmp_path):
    root = tmp_path / "results" / "default"
    for name in (
        "figures/p/fig1.pdf",
        "figures/p/fig1.png",
        "figures/p/fig2.pdf",
        "tables/p/a.csv",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "claims.csv").touch()
    assert results(tmp_path, "default") == [
        " figures  results/default/figures/ (2)",
        "  tables  results/default/tables/ (1)",
        "  claims  results/default/claims.csv",
    ]
    assert results(tmp_path, None) == []


OBEDIENT = """
import shutil, sys
from pathlib import Path
if "--unlock" in sys.argv:
    shutil.rmtree(".snakemake/locks")
elif "fail" in sys.argv:
    Path("results/r/logs").mkdir(parents=True)
    Path("results/r/logs/fit.log").write_text("10:00:00 error: too few tokens; raise contexts")
    sys.exit(1)
else:
    assert not Path(".snakemake/locks").exists(), "still locked"
    Path("results/r/tables").mkdir(parents=True)
    Path("results/r/tables/a.csv").touch()
"""


def test_launch_unlocks_runs_and_says_where_the_results_are(tmp_path):
    fake_snakemake(tmp_path, OBEDIENT)
    (tmp_path / "config.yaml").write_text("run: r\n")
    lock(tmp_path)
    run = launch(tmp_path)
    assert run.returncode == 0, run.stderr
    assert "unlocking" in run.stderr
    assert "results/r/tables/ (1)" in run.stderr


def test_launch_repeats_the_errors_of_the_logs(tmp_path):
    fake_snakemake(tmp_path, OBEDIENT)
    run = launch(tmp_path, "fail")
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "error: too few tokens; raise contexts [results/r/logs/fit.log]"
    ]


def test_launch_says_in_one_line_that_another_is_under_way(tmp_path, start):
    fake_snakemake(tmp_path, OBEDIENT)
    first = start("-c", HOLD)
    run = launch(tmp_path)
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1
    assert f"(pid {first.pid})" in run.stderr


def test_results_that_may_only_be_read_are_said(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    assert hindered(tmp_path) == []
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "results")
    assert hindered(tmp_path) == [READ_ONLY]
