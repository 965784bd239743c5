"""The same configuration gives the same bytes: in another folder, on one core instead of two, and after
kill -9 of everything at any moment.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.workflow

# Killed in training the model, in harvesting, in training SAEs and in between: when these are there.
MOMENTS = (
    "model/config.json",
    "checkpoints",
    "heldout.zarr/tokens",
    "blocks.1.hook_resid_post/main-w48-k3-s0",
    "blocks.1.hook_resid_post/main-w96-k3-s0/heldout.codes.zarr",
)


def shown(workflow):
    """What a reader is shown: every table, figure and page of a run, by path."""
    run = workflow.folder / "results" / workflow.config["run"]
    patterns = ("tables/**/*.csv", "tables/**/*.md", "figures/**/*.*", "claims.*")
    return {
        str(path.relative_to(run)): path.read_bytes()
        for pattern in patterns
        for path in run.glob(pattern)
    }


def killed_when(path, workflow):
    """Run on two cores, and kill everything as soon as there is something at a path."""
    process = subprocess.Popen(
        workflow.command(module="workflow_scripts.anatomy.launch"),
        cwd=workflow.folder,
        env=workflow.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while process.poll() is None and not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None, f"the run ended before {path} was there"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_killed_again_and_again_and_ended_on_one_core(finished, fresh):
    for moment in MOMENTS:
        killed_when(fresh.folder / "results/store/tiny" / moment, fresh)
    command = [sys.executable, "-m", "workflow_scripts.anatomy.launch", "--cores", "1"]
    done = subprocess.run(
        command,
        cwd=fresh.folder,
        env=fresh.environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    expected, found = shown(finished), shown(fresh)
    assert found.keys() == expected.keys()
    assert [path for path in expected if found[path] != expected[path]] == []
