"""The status command of the cluster-generic profile, against stand-ins for squeue and sacct."""

import os
import subprocess
from pathlib import Path

import pytest

STATUS = Path(__file__).resolve().parents[2] / "profiles" / "cluster-generic" / "status.sh"


def status(folder, squeue, sacct=""):
    for name, answer in (("squeue", squeue), ("sacct", sacct)):
        command = folder / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\n")
        command.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    run = subprocess.run(
        [STATUS, "17;cluster"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("PENDING", "running"),
        ("RUNNING", "running"),
        ("COMPLETING", "running"),
        ("COMPLETED", "success"),
        ("FAILED", "failed"),
        ("TIMEOUT", "failed"),
        ("OUT_OF_MEMORY", "failed"),
        ("CANCELLED by 1000", "failed"),
    ],
)
def test_states(tmp_path, state, meaning):
    assert status(tmp_path, squeue=state) == meaning
    assert status(tmp_path, squeue="", sacct=state) == meaning, "squeue has forgotten the job"


def test_a_job_that_nobody_knows_is_given_up_after_many_questions(tmp_path):
    answers = [status(tmp_path, squeue="") for _ in range(30)]
    assert answers == ["running"] * 29 + ["failed"]


def test_one_answer_makes_good_for_a_silent_controller(tmp_path):
    for _ in range(20):
        status(tmp_path, squeue="")
    assert status(tmp_path, squeue="RUNNING") == "running"
    assert {status(tmp_path, squeue="") for _ in range(20)} == {"running"}
