"""What a killed run leaves in a folder, and how the next one makes sure that it works there alone.

`kill -9` leaves Snakemake's lock behind, and scripts that go on writing into files which the next
run starts anew. Both are taken away, but only where no live Snakemake works in the folder.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil

from workflow_scripts.anatomy.base.errors import AnatomyError

LAUNCH_LOCK = Path(".snakemake") / "launch.lock"
SNAKEMAKE_LOCKS = Path(".snakemake") / "locks"
SCRIPTS = Path(".snakemake") / "scripts"
SECONDS_TO_STOP = 5.0


@contextmanager
def only_launch(folder: Path) -> Iterator[None]:
    """Hold the launch lock of `folder`; it goes with the process, however that ends.

    Raises
    ------
    AnatomyError: a live launcher holds it; the message names its process.
    """
    path = folder / LAUNCH_LOCK
    path.parent.mkdir(exist_ok=True)
    with open(path, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise AnatomyError(
                f"another run is under way in this folder (pid {owner}); "
                "wait for it or stop it with Ctrl-C, then run again"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def is_locked(folder: Path) -> bool:
    """Whether Snakemake's lock lies in `folder`, be its owner alive or not."""
    locks = folder / SNAKEMAKE_LOCKS
    return locks.is_dir() and any(locks.iterdir())


def require_unused(folder: Path) -> None:
    """Raise AnatomyError if a live Snakemake holds the lock of `folder`."""
    owners = live_snakemakes(folder)
    if owners and is_locked(folder):
        raise AnatomyError(
            f"another run is under way in this folder (Snakemake, pid {owners[0].pid}); wait for "
            "it or stop it (a cluster's jobs with its own command, such as scancel), then run again"
        )


def live_snakemakes(folder: Path) -> list[psutil.Process]:
    """The Snakemake processes that work in `folder`, apart from this process."""
    return [process for process in _working_in(folder) if _is_snakemake(_command(process))]


def stop_orphans(folder: Path) -> list[int]:
    """Stop the jobs that a killed Snakemake left running in `folder`; return their process ids.

    Where a Snakemake is alive, the jobs are its own, and nothing is stopped.
    """
    if live_snakemakes(folder):
        return []
    scripts = str(folder.resolve() / SCRIPTS) + os.sep
    orphans = [
        process
        for process in _working_in(folder)
        if any(part.startswith(scripts) or f" {scripts}" in part for part in _command(process))
    ]
    family = {process.pid: process for process in orphans}
    for orphan in orphans:
        try:
            family.update((child.pid, child) for child in orphan.children(recursive=True))
        except psutil.Error:
            continue
    _stop(list(family.values()))
    return sorted(process.pid for process in orphans)


def _stop(processes: list[psutil.Process]) -> None:
    for process in processes:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=SECONDS_TO_STOP)
    for process in alive:
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=SECONDS_TO_STOP)


def _signal(send) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise AnatomyError(
            f"a job of a killed run (pid {error.pid}) still writes here and is another user's; "
            "ask them to stop it, then run again"
        ) from error


def _working_in(folder: Path) -> Iterator[psutil.Process]:
    """The processes with `folder` as working directory, apart from this one."""
    here = str(folder.resolve())
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.cwd() == here:
                yield process
        except psutil.Error:
            continue


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _is_snakemake(command: list[str]) -> bool:
    """`python -m snakemake ...`, or `snakemake` itself, run by an interpreter."""
    module = any(pair == ("-m", "snakemake") for pair in pairwise(command))
    return module or any(Path(part).name == "snakemake" for part in command[:2])
