"""What a job's usage file says, beside what is measured from outside of it."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workflow_scripts.anatomy.base.usage import Usage, usages
from workflow_scripts.anatomy.launch.outcome import error_lines

ROOT = Path(__file__).resolve().parents[3]
LOG = "results/store/logs/a/w128.k8.log"
USAGE = "results/store/logs/a/w128.k8.usage.json"
BEGIN = f"""
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import begin
begin("{LOG}", 3)
"""
STALE = {
    "started": "2020-01-01T00:00:00+00:00",
    "wall_s": 9e9,
    "cpu_s": 9e9,
    "peak_mb": 9e9,
    "loaded_mb": 9e9,
    "threads": 99,
    "host": "stale",
    "ended": "finished",
}


def run(folder, body, before="", command=(sys.executable,)):
    """Run a script that does `before`, begins, and does `body`; returns the process that ended."""
    (folder / "script.py").write_text(before + BEGIN + body)
    return subprocess.run(
        [*command, str(folder / "script.py")],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def plant(folder, content):
    path = folder / USAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def usage_of(folder):
    """The usage of the one job of a folder."""
    ((path, usage),) = usages(folder)
    assert path == folder / USAGE
    assert [entry.name for entry in path.parent.iterdir() if "usage" in entry.name] == [path.name]
    return usage


WORK = """
import json, os, psutil, subprocess, sys, time
os.chdir("results")
memory = b"x" * (200 << 20)
while time.process_time() < 0.6: pass
child = "import time\\nwhile time.process_time() < 0.5: pass"
subprocess.run([sys.executable, "-c", child], check=True)
resident = psutil.Process().memory_info().rss / 2**20
print(json.dumps({"cpu": time.process_time(), "resident": resident}))
"""


def test_a_job_measures_itself(tmp_path):
    before = time.time()
    done = run(tmp_path, WORK, before="import time\ntime.sleep(0.4)")
    elapsed = time.time() - before
    usage, own = usage_of(tmp_path), json.loads(done.stdout)
    assert done.returncode == 0 and not done.stderr
    assert usage["threads"] == 3 and usage["host"] == os.uname().nodename
    assert usage["ended"] == "finished"
    started = datetime.fromisoformat(usage["started"])
    assert started.tzinfo == UTC
    assert before - 0.1 < started.timestamp() < before + elapsed - 1.4
    # 0.4 s of sleep before it begins, 0.6 s at least in imports and the loop, 0.5 s in the child.
    assert 1.4 < usage["wall_s"] < elapsed + 0.1
    assert own["cpu"] + 0.4 < usage["cpu_s"] < own["cpu"] + 2
    assert own["resident"] - 5 < usage["peak_mb"] < own["resident"] + 60
    assert 190 < usage["peak_mb"] - usage["loaded_mb"] < 260


def test_the_peak_may_be_a_childs(tmp_path):
    child = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "memory = b'x' * (300 << 20)"], check=True)
"""
    assert run(tmp_path, child).returncode == 0
    assert 300 < usage_of(tmp_path)["peak_mb"] < 400


def test_the_peak_is_not_that_of_the_process_that_started_the_job(tmp_path):
    large = "import subprocess, sys; x = b'x' * (400 << 20); subprocess.run(sys.argv[1:])"
    run(tmp_path, "", command=(sys.executable, "-c", large, sys.executable))
    assert usage_of(tmp_path)["peak_mb"] < 200


@pytest.mark.parametrize(
    ("body", "ended", "status"),
    [
        ("", "finished", 0),
        ("raise AnatomyError('too few tokens')", "error", 1),
        ("import errno; raise OSError(errno.ENOSPC, 'full')", "error", 1),
        ("1 / 0", "exception", 1),
        ("import os, signal, time; os.kill(os.getpid(), signal.SIGINT)", "interrupted", -2),
    ],
)
def test_it_says_how_the_job_ended(tmp_path, body, ended, status):
    plant(tmp_path, STALE)
    done = run(tmp_path, body)
    assert done.returncode == status
    assert usage_of(tmp_path)["ended"] == ended
    assert usage_of(tmp_path)["host"] != "stale"
    assert done.stderr == (tmp_path / LOG).read_text()


def test_of_a_job_that_is_killed_there_is_none(tmp_path):
    plant(tmp_path, STALE)
    done = run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -9
    assert list(usages(tmp_path)) == []


def test_a_child_that_the_job_forks_writes_none(tmp_path):
    body = f"""
import os
if child := os.fork():
    os.waitpid(child, 0)
    print(os.path.exists("{USAGE}"))
"""
    assert run(tmp_path, body).stdout == "False\n"
    assert usage_of(tmp_path)["ended"] == "finished"


FULL = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"


@pytest.mark.parametrize("obstacle", ["a full disk", "a folder in its place"])
@pytest.mark.parametrize(("body", "said"), [("", ""), ("raise AnatomyError('no')", "error: no")])
def test_a_failure_to_write_changes_nothing(tmp_path, obstacle, body, said):
    if obstacle == "a folder in its place":
        (tmp_path / USAGE / "full").mkdir(parents=True)
        done = run(tmp_path, body)
    else:
        done = run(tmp_path, FULL + body)
    assert done.returncode == bool(said)
    assert said in done.stderr
    assert said or not done.stderr
    assert list(tmp_path.glob("results/**/*.json")) == list(tmp_path.glob(USAGE))


def test_usages_are_read_in_order_and_what_is_none_is_left_out(tmp_path):
    for name, text in {
        "b/fig2.usage.json": json.dumps(STALE | {"threads": 2}),
        "a.usage.json": json.dumps(STALE | {"threads": 1, "more": "of a later version"}),
        "empty.usage.json": "",
        "half.usage.json": '{"started": ',
        "list.usage.json": "[1, 2]",
        "other.usage.json": '{"wall_s": 1}',
        "fig2.json": json.dumps(STALE),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {path.relative_to(tmp_path).as_posix(): usage for path, usage in usages(tmp_path)}
    assert list(found) == ["a.usage.json", "b/fig2.usage.json"]
    assert [usage["threads"] for usage in found.values()] == [1, 2]
    assert list(usages(tmp_path / "nowhere")) == []


def test_the_errors_of_the_logs_are_told_as_without_it(tmp_path):
    run(tmp_path, "raise AnatomyError('too few tokens')")
    assert usage_of(tmp_path).keys() == Usage.__required_keys__
    assert error_lines(tmp_path, 0) == [f"error: too few tokens [{LOG}]"]
