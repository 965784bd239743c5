"""What becomes of jobs under each profile: GPUs, memory, cancelled, interrupted and killed runs.

The profiles and the launcher are the repository's; the rules are small ones that misbehave on purpose.
"""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.workflow.cluster.runs import ENDED, ROOT, SECONDS, end, here, set_up, start
from tests.workflow.cluster.slurm import command, wait_for
from workflow_scripts.anatomy.launch.supervision import INTERRUPTED

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("cluster")]

PROFILES = ("slurm", "cluster-generic")

# 400 MB beside Snakemake's own are too much for 500 and not for 1000 MB.
SNAKEFILE = """
rule device:
    output: "device.txt"
    resources: gpu=1
    shell: "echo gpu=$CUDA_VISIBLE_DEVICES > {output}"

rule plain:
    output: "plain.txt"
    shell: "echo gpu=${{CUDA_VISIBLE_DEVICES:-none}} > {output}"

rule hungry:
    output: "hungry.txt"
    resources: mem_mb=lambda w, attempt: 500 * attempt
    shell: "python3 hungry.py && echo {resources.mem_mb} > {output}"

rule slow:
    output: "slow.txt"
    shell: "echo half > {output} && touch started && sleep $(cat seconds) && echo whole > {output}"
"""
HUNGRY = "import time; x = bytearray(b'1' * (400 << 20)); time.sleep(4)"


@pytest.fixture(params=PROFILES)
def folder(request, tmp_path) -> Path:
    """A folder with the small workflow, and a profile of the repository set up for this cluster."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "hungry.py").write_text(HUNGRY)
    (tmp_path / "workflow_scripts").symlink_to(ROOT / "workflow_scripts")
    (tmp_path / "seconds").write_text("100")
    shutil.copytree(ROOT / "profiles" / request.param, tmp_path / "profiles" / request.param)
    set_up(tmp_path / "profiles" / request.param, memory="900 * attempt")
    return tmp_path


def profile_of(folder: Path) -> str:
    return next((folder / "profiles").iterdir()).name


def rule_of(job: dict[str, str]) -> str:
    """The rule of a job, which stands in its comment (slurm) or its name (cluster-generic)."""
    return re.search(r"(device|plain|hungry|slow)", job["comment"] + job["name"])[1]


def running_slowly(folder: Path, *arguments: str) -> subprocess.Popen:
    """A run whose job is in the middle of writing its file."""
    run = start(folder, profile_of(folder), *arguments, "--", "slow.txt")
    if not wait_for((folder / "started").exists, 60):
        run.kill()
        raise AssertionError(f"the job does not start: {run.communicate()[0][-4000:]}")
    return run


def finish(folder: Path) -> None:
    """The same command again, and the file is whole: what a job left of it counts as incomplete."""
    (folder / "seconds").write_text("0")
    run = start(folder, profile_of(folder), "--", "slow.txt")
    said = end(run)
    assert run.returncode == 0, said
    assert (folder / "slow.txt").read_text() == "whole\n"


def test_gpus_and_memory(folder):
    run = start(folder, profile_of(folder), "--", "device.txt", "plain.txt", "hungry.txt")
    said = end(run)
    assert run.returncode == 0, said
    assert (folder / "device.txt").read_text() in ("gpu=0\n", "gpu=1\n")
    assert (folder / "plain.txt").read_text() == "gpu=none\n"
    assert (folder / "hungry.txt").read_text() == "1000\n", "killed at 500, passes at 1000"
    ended = here(folder, ENDED)
    (device,) = [job for job in ended if rule_of(job) == "device"]
    assert (device["partition"], device["state"]) == ("gpu", "COMPLETED")
    (plain,) = [job for job in ended if rule_of(job) == "plain"]
    assert (plain["partition"], plain["state"], plain["memory"]) == ("cpu", "COMPLETED", "900M")
    hungry = sorted(int(job["memory"].rstrip("M")) for job in ended if rule_of(job) == "hungry")
    assert hungry == [500, 1000]


def test_a_cancelled_job_fails_the_run_and_leaves_no_partial_file(folder):
    run = running_slowly(folder, "--retries", "0")
    (job,) = here(folder)
    command("scancel", job["id"])
    said = end(run)
    assert run.returncode not in (0, INTERRUPTED), said
    assert not (folder / "slow.txt").exists()


@pytest.mark.parametrize(
    ("folder", "number"),
    [("slurm", signal.SIGTERM), ("cluster-generic", signal.SIGINT)],
    indirect=["folder"],
)
def test_an_interrupted_run_cancels_its_jobs(folder, number):
    """Each signal under one profile: the launcher makes one of the two."""
    run = running_slowly(folder)
    run.send_signal(number)
    said = end(run)
    assert run.returncode == INTERRUPTED, said
    assert wait_for(lambda: not here(folder), 20), "the job runs on"
    finish(folder)


def test_after_kill_what_the_page_says_works(folder):
    """The jobs of a killed run go on; the page's commands cancel them, and the next run is whole."""
    run = running_slowly(folder)
    run.kill()
    run.communicate(timeout=SECONDS)
    assert len(here(folder)) == 1, "a killed run's jobs go on"
    page = (ROOT / "docs" / "cluster.md").read_text().partition("## Stopping")[2]
    cancel = re.search(r"^ *```\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)[1]
    subprocess.run(["bash", "-c", cancel], cwd=folder, check=True, timeout=30)
    assert wait_for(lambda: not here(folder), 20)
    finish(folder)
