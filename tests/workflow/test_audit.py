"""An audit of the small workflow, a second person's check of it, and jobs that are done again."""

import json
import re
import subprocess
import sys


def run(workflow, module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", f"workflow_scripts.anatomy.launch.{module}", *arguments],
        cwd=workflow.folder,
        env=workflow.environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_run_is_audited_rechecked_and_replayed(workflow):
    workflow.run("audit")
    record = workflow.json("tiny/audit/audit.json")
    run_folder = workflow.folder / "results/tiny"
    tables = {
        f"results/tiny/tables/{path.relative_to(run_folder / 'tables')}"
        for path in run_folder.glob("tables/**/*.csv")
    }
    assert tables <= record["files"].keys()
    assert any(path.endswith("sae.safetensors") for path in record["files"])
    assert all(job["usage"]["ended"] == "finished" for job in record["jobs"] if job["usage"])
    assert {path for path in record["given"] if path.startswith("text/")}
    crate = json.loads((run_folder / "ro-crate-metadata.json").read_text())
    for part in crate["@graph"][1]["hasPart"]:
        assert (run_folder / part["@id"]).exists()

    done = run(workflow, "recheck", "results/tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all are as recorded, and so are the claims" in done.stderr

    done = run(workflow, "replay", "results/tiny", "--jobs", "2", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"^\w+", done.stdout, re.MULTILINE)) == {"same"}
    assert not list(workflow.folder.glob("results/replay-*"))
    assert run(workflow, "recheck", "results/tiny").returncode == 0  # untouched by the replays

    workflow.edit("workflow_scripts/papers/dark_matter/figures/fig4.py", '"viridis"', '"magma"')
    refused = workflow.run("audit", check=False)
    assert refused.returncode != 0
    assert "stale: results/tiny/figures/dark_matter/fig4.pdf" in refused.stdout + refused.stderr
    other = run(workflow, "replay", "results/tiny")
    assert other.returncode == 1 and "not those of the audited run" in other.stderr
