"""Entries that were measured survive Snakemake, and a job that failed is done again.

Snakemake's `update()` flag would keep the declared output too. But when a job fails it puts the old
output back with a new time stamp, which then passes for current although an input has changed.
"""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).resolve().parents[3]
SNAKEFILE = """
rule measure:
    input:
        lambda w: [f"{name}.txt" for name in config["names"].split("+")],
    output:
        "losses.npz",
    script:
        "measure.py"
"""
SCRIPT = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import numpy as np
from pathlib import Path
from workflow_scripts.anatomy.interventions.loss_entries import save_entries, measure_missing, wanted_entries

def measure(name):
    with open("asked", "a") as file:
        file.write(name + " ")
    if Path("fail").exists() and name != "baselines":
        sys.exit(1)
    return {{"loss": np.zeros(2)}}

wanted = wanted_entries({{}}, {{Path(path).stem: path for path in snakemake.input}}, {{}})
save_entries(snakemake.output[0], measure_missing("measured.npz", wanted, measure))
"""


@pytest.fixture
def job(tmp_path):
    """A rule that measures some SAEs; running it says which entries it asked for."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "measure.py").write_text(SCRIPT)
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(name)

    def run(names, succeeds=True):
        (tmp_path / "asked").write_text("")
        command = [sys.executable, "-m", "snakemake", "losses.npz", "--cores", "1"]
        command += ["--config", f"names={names}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode == 0) == succeeds, done.stderr
        return (tmp_path / "asked").read_text().split()

    return tmp_path, run


def test_one_more_and_a_failure(job):
    folder, run = job
    assert run("one") == ["baselines", "one"]
    assert run("one") == []
    assert run("one+two") == ["two"]
    whole = (folder / "losses.npz").read_bytes()
    (folder / "one.txt").write_text("trained anew")
    (folder / "fail").touch()
    assert run("one+two", succeeds=False) == ["one"]
    assert not (folder / "losses.npz").exists()
    (folder / "fail").unlink()
    assert run("one+two") == ["one"]
    assert (folder / "losses.npz").read_bytes() != whole
    assert (folder / "losses.npz").read_bytes() == (folder / "measured.npz").read_bytes()
