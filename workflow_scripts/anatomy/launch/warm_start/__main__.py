"""Run Snakemake beside a warm process: `python -m workflow_scripts.anatomy.launch.warm_start [arguments]`.

A job is a Python process, and importing torch takes it longer than most tables take to make. This
process forks: the child imports what jobs need and waits, the parent becomes Snakemake. A job of this
run, when its Python starts, finds the child (`hook/sitecustomize.py`), hands over its script, its
standard streams and what Snakemake set in its environment, and waits; the child forks once more, and
that fork runs the script. Where there is no warm process, as on another machine, a job starts as it
always did.
"""

import os
import secrets
import sys
from pathlib import Path

from workflow_scripts.anatomy.launch.forecast.planned import DRY_RUN
from workflow_scripts.anatomy.launch.supervision import die_with_parent
from workflow_scripts.anatomy.launch.warm_start.server import possible, serve

HOOK = Path(__file__).parent / "hook"
# Where Snakemake finds the logger of `make run`, by the name of the module.
LOGGER = Path(__file__).parents[1] / "terminal" / "plugin"


def main(arguments: list[str]) -> None:
    """Become Snakemake, and leave a warm process beside it where one is possible."""
    if possible():
        name = f"anatomy-{os.getpid()}-{secrets.token_hex(8)}"
        # Before the environment changes: jobs, its forks, have that of the run, without the hook.
        if os.fork() == 0:
            die_with_parent()
            serve(name)
        os.environ["ANATOMY_WARM_START"] = f"{sys.prefix}:{name}"
    prepend_to_path(HOOK)
    if "--logger=anatomy" in arguments:
        prepend_to_path(LOGGER)
    module = DRY_RUN if "ANATOMY_JOBS" in os.environ else "snakemake"
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def prepend_to_path(folder: Path) -> None:
    """Let every Python that this process becomes or starts look for modules in a folder first."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), before] if before else [str(folder)])


if __name__ == "__main__":
    main(sys.argv[1:])
