"""What a person sees of a job that fails, and how many threads one uses."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.anatomy.base import job

ROOT = Path(__file__).resolve().parents[3]
PREAMBLE = """
import errno
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import begin, log
begin("logs/deep/a.log", 1)
log.info("started")
"""


def run(tmp_path, body, preamble=PREAMBLE):
    """Run a script as Snakemake would; returns what it did and the content of its log."""
    script = tmp_path / "script.py"
    script.write_text(preamble + body)
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    log = tmp_path / "logs" / "deep" / "a.log"
    return done, log.read_text() if log.exists() else ""


def test_an_anatomy_error_is_one_line_in_terminal_and_log(tmp_path):
    done, log = run(tmp_path, 'raise AnatomyError("config: seed is x; give a number")')
    assert done.returncode == 1
    assert done.stderr == log
    started, error = log.splitlines()
    assert started.endswith(" started")
    assert error.endswith(" error: config: seed is x; give a number")


def test_an_anatomy_error_that_came_of_another_one_is_still_one_line(tmp_path):
    body = """
try:
    1 / 0
except ZeroDivisionError as error:
    raise AnatomyError("too few tokens") from error
"""
    done, log = run(tmp_path, body)
    assert done.returncode == 1
    assert done.stderr == log
    assert len(log.splitlines()) == 2
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("raised", "where"),
    [
        ('OSError(errno.ENOSPC, "No space left on device", "results/a.npy")', "results/a.npy"),
        ('OSError(errno.ENOSPC, "No space left on device")', "the results folder"),
    ],
)
def test_a_full_disk_is_one_line(tmp_path, raised, where):
    done, log = run(tmp_path, f"raise {raised}")
    assert done.returncode == 1
    assert done.stderr == log
    assert log.splitlines()[1].endswith(
        f" error: no space left on the device while writing {where}; free some and rerun"
    )
    assert len(log.splitlines()) == 2


@pytest.mark.parametrize(
    ("raised", "last"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ('open("nowhere")', "FileNotFoundError: [Errno 2] No such file or directory: 'nowhere'"),
        ('OSError(errno.EIO, "I/O error")', "OSError: [Errno 5] I/O error"),
    ],
)
def test_everything_else_is_a_traceback_in_terminal_and_log(tmp_path, raised, last):
    done, log = run(tmp_path, f"raise {raised}" if raised.startswith("OSError") else raised)
    assert done.returncode == 1
    assert done.stderr == log
    assert "Traceback (most recent call last):" in log
    assert "script.py" in log
    assert log.splitlines()[-1] == last


def test_an_interruption_is_one_word(tmp_path):
    body = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(30)"
    done, log = run(tmp_path, body)
    assert done.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert log.splitlines()[1].endswith(" interrupted")
    assert "Traceback" not in log


def test_the_log_is_of_this_job_alone(tmp_path):
    run(tmp_path, "")
    done, log = run(tmp_path, "log.info('again')")
    assert done.returncode == 0
    assert [line.split(" ", 1)[1] for line in log.splitlines()] == ["started", "again"]


THREADS = """
import json, os
from threadpoolctl import threadpool_info
import numpy, torch
names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
print(json.dumps({
    "environment": [os.environ[name] for name in names],
    "torch": torch.get_num_threads(),
    "pools": sorted({pool["num_threads"] for pool in threadpool_info()}),
}))
"""


@pytest.mark.parametrize("first", ["", "import numpy, torch\n"], ids=["later", "already"])
def test_threads_are_limited_whether_libraries_are_loaded_or_not(tmp_path, first):
    done, _ = run(tmp_path, THREADS, first + PREAMBLE)
    found = json.loads(done.stdout)
    assert found == {"environment": ["1"] * 3, "torch": 1, "pools": [1]}


def test_progress_is_a_line_now_and_then(monkeypatch, caplog):
    clock = iter([0.0, 1.0, 12.0, 13.0, 25.0])
    monkeypatch.setattr(job.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(job.log, "propagate", True)
    with caplog.at_level(logging.INFO, "anatomy"):
        progress = job.Progress("harvest eval", total=600)
        progress(0)
        progress(100, "loss 3.2")
        progress(110)
        progress(300)
    assert caplog.messages == [
        "harvest eval: 100 of 600, 60 s left loss 3.2",
        "harvest eval: 300 of 600, 25 s left ",
    ]
