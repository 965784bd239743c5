"""Lets every Python of `.venv` import this project: python -m workflow_scripts.anatomy.launch.importable

A file in site-packages adds a finder that is asked last, when nothing else has `workflow_scripts`. A plain
path there would stand before the folder of a workflow's own copy of the code, in that copy's jobs.
"""

import sysconfig
from pathlib import Path

from workflow_scripts.anatomy.base.store import replacing

FILE = "sae_anatomy.pth"
# One line, which Python runs as it starts. It has to begin with "import".
LINE = (
    'import importlib.machinery, sys; sys.meta_path.append(type("SaeAnatomy", (), {{"find_spec": staticmethod('
    "lambda name, path=None, target=None, find=importlib.machinery.PathFinder.find_spec: "
    'find(name, [{root!r}]) if name == "workflow_scripts" else None)}}))\n'
)


def make_importable(packages: Path, root: Path) -> Path:
    """Write the file into a folder of installed packages; root: the folder of this project."""
    path = packages / FILE
    with replacing(path) as temporary:
        temporary.write_text(LINE.format(root=str(root)))
    return path


if __name__ == "__main__":
    make_importable(Path(sysconfig.get_path("purelib")), Path(__file__).resolve().parents[3])
