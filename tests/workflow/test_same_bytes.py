"""The same configuration gives the same bytes: in another folder, and on one core instead of two."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.workflow


def shown(workflow):
    """What a reader is shown: every table, figure and page of a run, by path."""
    run = workflow.folder / "results" / workflow.config["run"]
    patterns = ("tables/**/*.csv", "tables/**/*.md", "figures/**/*.*", "claims.*")
    return {
        str(path.relative_to(run)): path.read_bytes()
        for pattern in patterns
        for path in run.glob(pattern)
    }


def test_one_core_gives_the_bytes_of_two(finished, fresh):
    command = [sys.executable, "-m", "workflow_scripts.anatomy.launch.warm_start", "--cores", "1"]
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
