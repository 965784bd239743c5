"""Jobs that are handed to a warm process run as they would by themselves."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from snakemake.shell import shell

from workflow_scripts.anatomy.base.usage import usages
from workflow_scripts.anatomy.launch.warm_start import __main__ as warm_start
from workflow_scripts.anatomy.launch.warm_start.server import possible

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="forks of a warm process: Linux only"
)

ROOT = Path(__file__).resolve().parents[3]
SERVER = """
import sys
from workflow_scripts.anatomy.launch.warm_start import server
import tempfile
tempfile.gettempdir()
server.LOADED, server.use_once = ("colorsys",), lambda: None
server.die_with_parent()
server.serve(sys.argv[1])
"""


# What the environment of a run holds here beside that of the tests.
RUN = {"OF_THE_RUN": "yes", "OMP_NUM_THREADS": "64", "TMPDIR": "/nowhere"}


def wait_for(name):
    """Wait until somebody listens at `name`."""
    deadline = time.monotonic() + 30
    while f"@{name}\n" not in Path("/proc/net/unix").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def warm_process(name, environment=None):
    """A warm process, which has nothing but colorsys loaded."""
    environment = os.environ | (environment or {})
    process = subprocess.Popen([sys.executable, "-c", SERVER, name], cwd=ROOT, env=environment)
    try:
        wait_for(name)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def name(tmp_path):
    """Where a warm process listens."""
    name = f"anatomy-test-{os.getpid()}-{tmp_path.name}"
    with warm_process(name, RUN):
        yield name


def job(folder, name, body, prefix=sys.prefix, where=".snakemake/scripts", path=(), **options):
    """Start a script as Snakemake would start it."""
    script = folder / where / "tmp1.job.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(body)
    environment = os.environ | RUN | options.pop("environment", {})
    environment |= {
        "ANATOMY_WARM_START": f"{prefix}:{name}",
        "PYTHONPATH": os.pathsep.join([str(warm_start.HOOK), *map(str, path)]),
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, str(script)]
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes, **options)


WHO = "import os, sys; print('colorsys' in sys.modules, os.getcwd(), sys.argv)"


def test_a_job_is_a_fork_with_its_own_surroundings(tmp_path, name):
    script = tmp_path / ".snakemake/scripts/tmp1.job.py"
    for _ in range(2):
        out, err = job(tmp_path, name, WHO).communicate(timeout=30)
        assert out.split() == ["True", str(tmp_path), f"['{script}']"] and not err


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


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"name": "nobody"}, id="nobody listens"),
        pytest.param({"prefix": "/usr"}, id="another Python"),
        pytest.param({"where": "elsewhere"}, id="not a job of Snakemake"),
        pytest.param({"process_group": 0}, id="a job of a cluster"),
    ],
)
def test_what_is_not_for_the_warm_process_runs_by_itself(tmp_path, name, options):
    options = {"name": name} | options
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
    wait_for(name)
    process, _ = sleeping(tmp_path, name, process_group=server.pid)
    os.killpg(server.pid, signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130 and (tmp_path / "interrupted").exists()
    assert server.poll() is None, "Ctrl-C is for the jobs"
    server.kill()
    server.wait()


# What Snakemake sets for a job of three threads, and the shell in which it starts it.
SET = "OMP_NUM MKL_NUM OPENBLAS_NUM GOTO_NUM VECLIB_MAXIMUM NUMEXPR_NUM"
BY_SNAKEMAKE = {f"{library}_THREADS": "3" for library in SET.split()}
BY_SNAKEMAKE |= dict.fromkeys(["TMPDIR", "TMP", "TEMPDIR", "TEMP"], "/tmp/of the job")
OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}
ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def test_snakemake_sets_no_more_for_a_job_than_is_handed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("job.py").write_text(ENVIRONMENT)
    before = dict(os.environ)
    resources = {"tmpdir": "/tmp/of the job"}
    command = "{python} job.py"
    out = shell(command, python=sys.executable, threads=3, resources=resources, read=True)
    after = json.loads(out)
    assert {k: v for k, v in after.items() if before.get(k) != v and k not in OF_THE_SHELL} == {
        key: value for key, value in BY_SNAKEMAKE.items() if before.get(key) != value
    }
    assert before.keys() - OF_THE_SHELL <= after.keys()


def test_a_jobs_environment_is_what_it_would_be(tmp_path):
    """That of the run, and what Snakemake sets; the hook is not for what the job starts."""
    name = f"anatomy-test-environment-{os.getpid()}"
    with warm_process(name, RUN | {"PYTHONPATH": "/of/the/user"}):
        process = job(
            tmp_path,
            name,
            ENVIRONMENT,
            path=["/of/the/user"],
            environment=BY_SNAKEMAKE | {"PWD": str(tmp_path)},
        )
        out, err = process.communicate(timeout=30)
    expected = os.environ | RUN | BY_SNAKEMAKE | {"PWD": str(tmp_path)}
    assert json.loads(out) == expected | {"PYTHONPATH": "/of/the/user"} and not err


def test_a_jobs_temporary_files_are_where_snakemake_wants_them(tmp_path, name):
    body = "import tempfile; print(tempfile.gettempdir())"
    out, err = job(tmp_path, name, body, environment={"TMPDIR": str(tmp_path)}).communicate()
    assert out == f"{tmp_path}\n" and not err


def test_what_is_handed_over_is_what_snakemake_sets(tmp_path):
    name, received = f"anatomy-test-stand-in-{os.getpid()}", []

    def stand_in(listening):
        client, _ = listening.accept()
        with client:
            length, streams, _, _ = socket.recv_fds(client, 8, 3)
            while len(received) < int.from_bytes(length):
                received.extend(client.recv(1 << 20))
            client.sendall(b"\7")
        for stream in streams:
            os.close(stream)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")
        listening.listen()
        waiting = threading.Thread(target=stand_in, args=(listening,), daemon=True)
        waiting.start()
        secret = {"HF_TOKEN": "hf_secret", "OMP_SECRET": "hf_secret"}
        process = job(tmp_path, name, WHO, environment=BY_SNAKEMAKE | secret)
        assert process.wait(timeout=30) == 7
        waiting.join(30)
    assert b"secret" not in bytes(received).lower()
    environment = json.loads(bytes(received))["environment"]
    assert environment.pop("PWD", None) == os.environ.get("PWD")
    assert environment == BY_SNAKEMAKE


LISTENING = """
import os, socket, sys
os.setuid(65534)
listening = socket.socket(socket.AF_UNIX)
listening.bind(f"\\0{sys.argv[1]}")
listening.listen()
client, _ = listening.accept()
print(client.recv(1 << 20))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can listen as another user")
def test_nothing_is_handed_over_to_another_user(tmp_path):
    name = f"anatomy-test-other-user-{os.getpid()}"
    command = [sys.executable, "-c", LISTENING, name]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        wait_for(name)
        out, err = job(tmp_path, name, WHO).communicate(timeout=30)
        assert out.startswith("False ") and not err
        assert other.communicate(timeout=30)[0] == "b''\n"
    finally:
        other.kill()
        other.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can connect as another user")
def test_nothing_is_taken_from_another_user(name):
    code = """
import os, socket, sys
os.setuid(65534)
client = socket.socket(socket.AF_UNIX)
client.connect(f"\\0{sys.argv[1]}")
print(client.recv(1))
"""
    command = [sys.executable, "-c", code, name]
    assert subprocess.check_output(command, text=True, timeout=30) == "b''\n"


def test_a_warm_process_that_goes_before_it_takes_a_job_is_none(tmp_path):
    name = f"anatomy-test-gone-{os.getpid()}"

    def stand_in(listening):
        client, _ = listening.accept()
        client.recv(1)  # not all: the connection ends as that of a killed process does
        client.close()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")
        listening.listen()
        threading.Thread(target=stand_in, args=(listening,), daemon=True).start()
        handler = "import signal; print(signal.getsignal(signal.SIGINT))"
        out, err = job(tmp_path, name, f"{WHO}; {handler}").communicate(timeout=30)
    assert out.startswith("False ") and "default_int_handler" in out and not err


@pytest.mark.parametrize("warm", [True, False], ids=["handed over", "by itself"])
def test_a_sitecustomize_of_the_user_is_seen_by_a_job(tmp_path, warm):
    name, own = f"anatomy-test-site-{os.getpid()}", tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import os; os.environ['SITE'] = 'own'; VALUE = 7")
    body = f"{WHO}; import sitecustomize as s; print(s.VALUE, s.__name__, os.environ['SITE'])"
    with warm_process(name, {"PYTHONPATH": str(own)}):
        process = job(tmp_path, name if warm else "nobody", body, path=[own])
        out, err = process.communicate(timeout=30)
    first, second = out.splitlines()
    assert first.startswith(f"{warm} ") and second == "7 sitecustomize own" and not err


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "import sys; sys.stdout.write(__file__ + '\\n')",
        "1 / 0",
        "import no_such_module",
        "raise SystemExit(3)",
        "import sys; sys.modules['sitecustomize'] = sys",
    ],
)
def test_other_pythons_of_a_run_start_as_without_the_hook(tmp_path, content):
    (tmp_path / "own").mkdir()
    if content is not None:
        (tmp_path / "own" / "sitecustomize.py").write_text(content)
    code = "import sys; print(sys.modules.get('sitecustomize'), sys.path)"
    ends = []
    for path in ([tmp_path / "own"], [warm_start.HOOK, tmp_path / "own"]):
        environment = os.environ | {
            "ANATOMY_WARM_START": f"{sys.prefix}:nobody",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
        }
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        ends.append((done.returncode, done.stdout, done.stderr.splitlines()[-1:]))
    assert ends[0] == ends[1]
    assert "hook" not in ends[1][1]


USING = """
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import begin
begin("logs/job.log", 3)
"""
WORK = """
import json, resource, subprocess, sys, time
memory = b"x" * (200 << 20)
while time.process_time() < 0.6: pass
child = "import time\\nwhile time.process_time() < 0.5: pass"
subprocess.run([sys.executable, "-c", child], check=True)
print(json.dumps([time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10]))
"""


def usage_of(folder):
    """The usage of the one job of a folder."""
    ((path, usage),) = usages(folder)
    assert path == folder / "logs" / "job.usage.json"
    return usage


def test_a_job_measures_itself_alone(tmp_path, name):
    time.sleep(1)  # the warm process is older than its jobs
    before = time.time()
    out, err = job(tmp_path, name, f"import time; time.sleep(0.4)\n{USING}{WORK}").communicate()
    elapsed, usage, (cpu, peak) = time.time() - before, usage_of(tmp_path), json.loads(out)
    assert not err
    assert usage["threads"] == 3 and usage["host"] == os.uname().nodename
    assert usage["ended"] == "finished"
    assert before - 0.1 < datetime.fromisoformat(usage["started"]).timestamp() < before + elapsed
    assert 1.4 < usage["wall_s"] < elapsed + 0.1
    assert cpu + 0.4 < usage["cpu_s"] < cpu + 2
    assert 200 < usage["peak_mb"] < peak + 10
    assert 190 < usage["peak_mb"] - usage["loaded_mb"] < 260


@pytest.mark.parametrize(
    ("body", "ended", "status"),
    [
        ("", "finished", 0),
        ("raise AnatomyError('too few tokens')", "error", 1),
        ("1 / 0", "exception", 1),
        ("raise KeyboardInterrupt", "interrupted", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", None, 137),
    ],
)
def test_a_job_says_how_it_ended(tmp_path, name, body, ended, status):
    job(tmp_path, name, USING).communicate(timeout=30)  # an earlier try
    assert usage_of(tmp_path)["ended"] == "finished"
    process = job(tmp_path, name, USING + body)
    process.communicate(timeout=30)
    assert process.returncode == status
    assert [usage["ended"] for _, usage in usages(tmp_path)] == ([ended] if ended else [])


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
