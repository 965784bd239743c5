"""Scripts of the workflow, run as Snakemake does: with an object `snakemake` among their globals."""

import logging
import runpy
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace as Named

ROOT = Path(__file__).resolve().parents[1]


def copy_code(names: Iterable[str], folder: Path) -> None:
    """Copy files and folders of the repository into a folder, bytecode too: to compile it takes seconds."""
    # Files that another process is about to put in their place may be gone before they are copied.
    ignore = shutil.ignore_patterns(".*", "*.pyc.*", "node_modules")
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        else:
            shutil.copy2(ROOT / name, folder / name)


def execute(script: str, log: Path | str, **parts: dict) -> None:
    """Run a script; parts: input, output, params, config. The process stays as the script leaves it."""
    config = parts.pop("config", {})
    named = {name: Named(**part) for name, part in parts.items()}
    job = Named(threads=1, log=[str(log)], config=config, **named)
    path = ROOT / "workflow_scripts" / f"{script}.py"
    runpy.run_path(str(path), init_globals={"snakemake": job})


@contextmanager
def as_it_was() -> Iterator[None]:
    """A script takes the log, the threads and the hook for exceptions for itself."""
    import torch

    log, hook, threads = logging.getLogger("anatomy"), sys.excepthook, torch.get_num_threads()
    handlers, propagate = list(log.handlers), log.propagate
    try:
        yield
    finally:
        log.handlers, log.propagate, sys.excepthook = handlers, propagate, hook
        torch.set_num_threads(threads)


def run_script(script: str, log: Path, **parts: dict) -> str:
    """Run a script within a test, which goes on as before; return what it logged."""
    with as_it_was():
        execute(script, log, **parts)
    return log.read_text()
