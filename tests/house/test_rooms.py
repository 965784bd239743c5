"""The rules of the house: who may know whom, and that a paper can be taken out as it was brought in."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.running import copy_code
from workflow_scripts.anatomy import ROOMS
from workflow_scripts.papers import PAPERS

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "workflow_scripts"
STAGES = [
    ROOT / "Snakefile",
    *sorted((ROOT / "rules").glob("*.smk")),
    *sorted(CODE.glob("*.py")),
    *sorted((CODE / "anatomy").rglob("*.py")),
]


def name_of(path):
    return str(path.relative_to(ROOT))


def imported(path):
    """Every module of this project that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_room_has_its_place():
    rooms = {path.name for path in (CODE / "anatomy").iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(ROOMS)
    papers = {path.name for path in (CODE / "papers").iterdir() if (path / "plan.py").is_file()}
    assert papers == set(PAPERS)


@pytest.mark.parametrize("path", STAGES, ids=name_of)
def test_no_stage_names_a_paper(path):
    for paper in PAPERS:
        assert not re.search(rf"\b{paper}(?:\b|_)", path.read_text()), paper


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room):
    before = ROOMS[: ROOMS.index(room) + 1]
    for path in (CODE / "anatomy" / room).rglob("*.py"):
        for module in imported(path):
            if module.startswith("workflow_scripts."):
                parts = module.split(".")
                assert parts[1] == "anatomy", f"{name_of(path)} imports {module}"
                assert len(parts) == 2 or parts[2] in before, f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("paper", PAPERS)
def test_no_paper_imports_another(paper):
    for path in (CODE / "papers" / paper).rglob("*.py"):
        for module in imported(path):
            parts = module.split(".")
            if parts[:2] == ["workflow_scripts", "papers"]:
                assert parts[2] == paper, f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("paper", [paper for paper in PAPERS if paper != "overview"])
@pytest.mark.slow
def test_a_paper_can_be_taken_out(paper, tmp_path):
    """Its room, its rules and its name: what is left plans the rest of the default run."""
    code = ("Snakefile", "config.yaml", "rules", "profiles", "envs", "workflow_scripts")
    copy_code(code, tmp_path)
    shutil.rmtree(tmp_path / "workflow_scripts" / "papers" / paper)
    for rules in (tmp_path / "rules" / "papers").glob(f"{paper}*.smk"):
        rules.unlink()
    names = tmp_path / "workflow_scripts" / "papers" / "__init__.py"
    names.write_text(
        names.read_text().replace(f'"{paper}"', "").replace(", ,", ",").replace("(, ", "(")
    )
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    del config[paper]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"tabulate_{paper}" not in done.stdout
    assert all(f"tabulate_{other}" in done.stdout for other in PAPERS if other != paper)
