"""Jobs that are handed to a warm process run as they would by themselves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from workflow_scripts.anatomy.launch.warm_start import __main__ as warm_start
from workflow_scripts.anatomy.launch.warm_start.server import possible

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="forks of a warm process: Linux only"
)

ROOT = Path(__file__).resolve().parents[3]
SERVER = """
import sys
from workflow_scripts.anatomy.launch.warm_start import server
server.LOADED = ("colorsys",)
server.die_with_parent()
server.serve(sys.argv[1])
"""


@pytest.fixture
def name(tmp_path):
    """A warm process, which has nothing but colorsys loaded, and where it listens."""
    name = f"anatomy-test-{os.getpid()}-{tmp_path.name}"
    process = subprocess.Popen([sys.executable, "-c", SERVER, name], cwd=ROOT)
    deadline = time.monotonic() + 30
    while f"@{name}" not in Path("/proc/net/unix").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    yield name
    process.kill()
    process.wait()


def job(folder, name, body, prefix=sys.prefix, where=".snakemake/scripts", **options):
    """Start a script as Snakemake would start it."""
    script = folder / where / "tmp1.job.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(body)
    environment = os.environ | {
        "ANATOMY_WARM_START": f"{prefix}:{name}",
        "PYTHONPATH": str(warm_start.HOOK),
        "MARK": "here",
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, str(script)]
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes, **options)


WHO = "import os, sys; print('colorsys' in sys.modules, os.getcwd(), sys.argv, os.environ['MARK'])"


def test_a_job_is_a_fork_with_its_own_surroundings(tmp_path, name):
    script = tmp_path / ".snakemake/scripts/tmp1.job.py"
    for _ in range(2):
        out, err = job(tmp_path, name, WHO).communicate(timeout=30)
        assert out.split() == ["True", str(tmp_path), f"['{script}']", "here"] and not err


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no such thing')", 1, ""),
        ("raise ValueError('boom')", 1, "ValueError: boom"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, ""),
        ("import atexit; atexit.register(print, 'bye')", 0, ""),
        ("from concurrent.futures import *; p = ThreadPoolExecutor(2); p.submit(len, '')", 0, ""),
        ("import threading, time; threading.Thread(target=time.sleep, args=(0.5,)).start()", 0, ""),
    ],
)
def test_a_job_ends_as_it_would(tmp_path, name, body, status, said):
    process = job(tmp_path, name, body)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status and said in err
    assert ("bye" in out) == ("bye" in body)


def test_jobs_run_side_by_side(tmp_path, name):
    body = "import time; time.sleep(1); raise SystemExit(0)"
    started = time.monotonic()
    processes = [job(tmp_path, name, body) for _ in range(4)]
    assert [process.wait(timeout=30) for process in processes] == [0] * 4
    assert time.monotonic() - started < 3.5


@pytest.mark.parametrize("other", ["nobody listens", "another Python", "not a job of Snakemake"])
def test_what_is_not_for_the_warm_process_runs_by_itself(tmp_path, name, other):
    options = {
        "nobody listens": {"name": "nobody"},
        "another Python": {"name": name, "prefix": "/usr"},
        "not a job of Snakemake": {"name": name, "where": "elsewhere"},
    }[other]
    out, err = job(tmp_path, body=WHO, **options).communicate(timeout=30)
    assert out.startswith("False ") and not err


SLEEP = """
import os, pathlib, time
pathlib.Path('pid').write_text(str(os.getpid()))
try:
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path('interrupted').touch()
    raise SystemExit(130)
"""


def sleeping(folder, name, **options):
    """A job that is under way, and the process that runs it."""
    process = job(folder, name, SLEEP, **options)
    deadline = time.monotonic() + 30
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process, psutil.Process(int((folder / "pid").read_text()))


def test_a_job_goes_with_the_process_that_handed_it_over(tmp_path, name):
    process, fork = sleeping(tmp_path, name)
    assert fork.pid != process.pid
    process.kill()
    process.communicate()
    fork.wait(timeout=10)
    assert not (tmp_path / "interrupted").exists()


def test_a_job_goes_with_the_warm_process(tmp_path, name):
    process, fork = sleeping(tmp_path, name)
    fork.parent().kill()
    process.communicate(timeout=10)
    assert process.returncode == 1
    fork.wait(timeout=10)


def test_an_interrupt_of_the_group_reaches_the_job(tmp_path):
    """Snakemake, the warm process and all jobs are one process group."""
    code = SERVER.replace("server.serve(", "import os; os.setpgid(0, 0); server.serve(")
    name = f"anatomy-test-group-{os.getpid()}"
    server = subprocess.Popen([sys.executable, "-c", code, name], cwd=ROOT)
    while f"@{name}" not in Path("/proc/net/unix").read_text():
        time.sleep(0.02)
    process, _ = sleeping(tmp_path, name, process_group=server.pid)
    os.killpg(server.pid, signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130 and (tmp_path / "interrupted").exists()
    assert server.poll() is None, "Ctrl-C is for the jobs"
    server.kill()
    server.wait()


def test_without_a_warm_process_snakemake_is_all_there_is(monkeypatch):
    started = []
    monkeypatch.setattr(warm_start, "possible", lambda: False)
    monkeypatch.setattr(os, "execv", lambda *command: started.append(command))
    monkeypatch.delenv("ANATOMY_WARM_START", raising=False)
    warm_start.main(["--cores", "1"])
    assert started == [(sys.executable, [sys.executable, "-m", "snakemake", "--cores", "1"])]
    assert "ANATOMY_WARM_START" not in os.environ


def test_a_machine_with_a_gpu_has_no_warm_process(monkeypatch):
    monkeypatch.setattr(Path, "glob", lambda *_: iter([Path("/dev/nvidia0")]))
    assert not possible()


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("ANATOMY_WARM_START", "no")
    assert not possible()
