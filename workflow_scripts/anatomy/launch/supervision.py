"""A child process that is interrupted once, stops as a whole, and does not outlive its parent."""

import contextlib
import ctypes
import os
import signal
import subprocess

INTERRUPTED = 128 + signal.SIGINT
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl
# Looked up here, as little as possible being left to do between fork and exec; others than Linux lack it.
_prctl = getattr(ctypes.CDLL(None), "prctl", lambda *_: 0)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends, however that happens."""
    parent = os.getppid()
    _prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def supervise(command: list[str]) -> int:
    """Run `command` in a session of its own; return its exit status, or INTERRUPTED.

    SIGINT, SIGTERM and SIGHUP reach its whole process group as SIGINT: Snakemake alone would wait
    for its running jobs to end, and on SIGTERM it would leave those of a cluster running. Where
    this process is killed, the child is killed with it (on Linux). Signals that are ignored, as
    under nohup, stay so, apart from SIGINT, which shells turn off for what they start with `&`.
    """
    interrupted = False
    child: subprocess.Popen | None = None

    def interrupt(*_) -> None:
        nonlocal interrupted
        interrupted = True
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGINT)

    caught = [signal.SIGINT] + [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, interrupt) for number in caught}
    try:
        child = subprocess.Popen(command, start_new_session=True, preexec_fn=die_with_parent)
        if interrupted:
            interrupt()
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupted and status:
        return INTERRUPTED
    return status if status >= 0 else 128 - status
