"""Runs on the cluster of the tests: a profile set up for it, the launcher started, the jobs there."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.workflow.cluster.slurm import jobs
from workflow_scripts.anatomy.launch.supervision import die_with_parent

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 180  # the longest that one run may take
ENDED = "COMPLETED,FAILED,CANCELLED,TIMEOUT,OUT_OF_MEMORY"


def set_up(profile: Path, memory: str | None = None) -> None:
    """Set in a profile what docs/cluster.md says to: how jobs are watched, and where GPUs are."""
    settings = yaml.safe_load((profile / "config.yaml").read_text())
    settings["latency-wait"] = 10
    if memory:
        settings["default-resources"] |= {"mem_mb": memory, "runtime": 10}
    if settings["executor"] == "slurm":
        settings |= {
            "slurm-status-command": "squeue",
            "slurm-init-seconds-before-status-checks": 5,
            "slurm-partition-config": str(profile / "partitions.yaml"),
        }
        partitions = {"partitions": {"cpu": {"max_gpu": 0}, "gpu": {"max_gpu": 2}}}
        (profile / "partitions.yaml").write_text(yaml.safe_dump(partitions))
    else:
        settings["seconds-between-status-checks"] = 2
        partition = " --partition=$(test {resources.gpu} = 0 && echo cpu || echo gpu)"
        settings["cluster-generic-submit-cmd"] += partition
    (profile / "config.yaml").write_text(yaml.safe_dump(settings))


def start(folder: Path, name: str, *arguments: str) -> subprocess.Popen:
    """`make run` with a profile of the folder."""
    profile = ["--workflow-profile", f"profiles/{name}"]
    return subprocess.Popen(
        [sys.executable, "-m", "workflow_scripts.anatomy.launch", *profile, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=die_with_parent,
    )


def end(run: subprocess.Popen) -> str:
    """What a run said; it is killed where it does not end."""
    try:
        return run.communicate(timeout=SECONDS)[0]
    except subprocess.TimeoutExpired:
        run.kill()
        raise AssertionError(f"the run does not end: {run.communicate()[0][-4000:]}") from None


def here(folder: Path, states: str | None = None) -> list[dict[str, str]]:
    """The jobs that were submitted from a folder."""
    found = jobs(states) if states else jobs()
    return [job for job in found if job["folder"] == str(folder)]
