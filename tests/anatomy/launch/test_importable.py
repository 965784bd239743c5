"""The project, imported from any folder, and never in the place of another copy of it."""

import subprocess
import sys
from pathlib import Path

from workflow_scripts.anatomy.launch.importable import make_importable

# What Python does with the files of a folder of packages when it starts.
START = "import site, sys; site.addsitedir(sys.argv[1]); import workflow_scripts; print(workflow_scripts.__file__)"


def project(folder: Path) -> Path:
    """A folder with a package of the project's name."""
    (folder / "workflow_scripts").mkdir(parents=True)
    (folder / "workflow_scripts" / "__init__.py").touch()
    return folder


# Without -S the environment's own folder of packages, which may know the project already, would come first.
def imported(packages: Path, code: str = START) -> Path:
    command = [sys.executable, "-I", "-S", "-c", code, str(packages)]
    done = subprocess.run(command, cwd=packages, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()).parents[1]


def test_it_is_found_from_another_folder(tmp_path):
    root, packages = project(tmp_path / 'a "b" {c}'), tmp_path / "packages"
    make_importable(packages, root)
    assert imported(packages) == root


def test_another_copy_on_the_path_comes_first(tmp_path):
    """Snakemake appends a workflow's own folder to the path of its jobs."""
    packages, copy = tmp_path / "packages", project(tmp_path / "copy")
    make_importable(packages, project(tmp_path / "root"))
    code = START.replace(
        "import workflow_scripts", f"sys.path.append({str(copy)!r}); import workflow_scripts"
    )
    assert imported(packages, code) == copy


def test_nothing_else_is_found_by_it(tmp_path):
    packages, root = tmp_path / "packages", project(tmp_path / "root")
    (root / "other.py").touch()
    make_importable(packages, root)
    code = START.replace(
        "import workflow_scripts; print(workflow_scripts", "import other; print(other"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(packages)], capture_output=True
    )
    assert b"No module named 'other'" in done.stderr
