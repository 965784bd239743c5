"""kill -9 of everything at any moment, then the same command again: the same tables."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.workflow

TARGETS = ("dark_matter_fig1", "dark_matter_fig4")
TABLES = (
    "tables/dark_matter/fig1.csv",
    "tables/dark_matter/fig1_fit.csv",
    "tables/dark_matter/fig4.csv",
)


def launch(workflow):
    return subprocess.Popen(
        [sys.executable, "-m", "workflow_scripts.anatomy.launch", *TARGETS],
        cwd=workflow.folder,
        env=workflow.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_killed_again_and_again(finished, fresh):
    """Killed in training the model, in harvesting, in training SAEs and in between."""
    moments = (
        "model/config.json",
        "checkpoints",
        "heldout.zarr/tokens",
        "blocks.1.hook_resid_post/main-w48-k3-s0",
        "blocks.1.hook_resid_post/main-w96-k3-s0/heldout.codes.zarr",
    )
    store = fresh.folder / "results/store/tiny"
    for moment in moments:
        process = launch(fresh)
        deadline = time.monotonic() + 300
        while (
            process.poll() is None and not (store / moment).exists() and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    process = launch(fresh)
    _, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors[-5000:]
    expected, found = finished.tables(), fresh.tables()
    for table in TABLES:
        assert found[table] == expected[table], table
