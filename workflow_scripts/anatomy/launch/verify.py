"""Is everything on disk what was written? `make verify`, or `make verify ARGS=--rebuild`.

Reads every file that a job wrote, of the store and of one run, against the digest that the job left. It needs
no Snakemake, starts nothing and changes nothing, so it may look at a folder in which a run is under way.
With --rebuild, what is damaged is deleted, and the workflow makes just that anew.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workflow_scripts.anatomy.base.digests import Roots, damaged, recorded
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.store import folder_of
from workflow_scripts.anatomy.launch.__main__ import main as run_workflow
from workflow_scripts.anatomy.launch.__main__ import say
from workflow_scripts.anatomy.launch.leftovers import only_launch, require_unused
from workflow_scripts.anatomy.launch.outcome import run_name, store_name


def main(arguments: Sequence[str]) -> int:
    """Say what is damaged, and rebuild it where that is asked for; 0 if nothing is left damaged."""
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__)
    parser.add_argument(
        "--rebuild", action="store_true", help="delete what is damaged and remake it"
    )
    options, others = parser.parse_known_args(list(arguments))
    folder = Path.cwd()
    run = run_name(folder, others)
    if run is None:
        say("error: no configuration names a run; give one: make verify ARGS='--configfile FILE'")
        return 1
    roots = Roots(Path(store_name(folder, others)), Path("results") / run)
    files = sum(1 for _ in recorded(roots))
    if not files:
        say(f"error: no job left digests in {roots.store} or {roots.run}; run the workflow first")
        return 1
    found = dict(damaged(roots))
    for sentence in found.values():
        say(f"error: {sentence}")
    say(f"{files - len(found)} of {files} files in {roots.store} and {roots.run} are as written")
    if not found or not options.rebuild:
        return int(bool(found))
    try:
        with only_launch(folder):
            require_unused(folder)
            for path in found:
                _delete(Path(path), roots)
    except (AnatomyError, OSError) as error:
        say(f"error: {error}")
        return 1
    return run_workflow([*others, "--", *found])


def _delete(path: Path, roots: Roots) -> None:
    place = roots.record_of(path)
    if place:
        place[1].unlink(missing_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
        return
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()  # a store's manifest goes first: without it, it is none
    if folder_of(path) != path:
        shutil.rmtree(folder_of(path), ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
