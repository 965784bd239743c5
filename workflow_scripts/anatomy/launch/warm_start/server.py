"""The warm process: it imports, waits, and forks a process for every job that is handed to it."""

import atexit
import contextlib
import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
from importlib import import_module
from pathlib import Path

from workflow_scripts.anatomy.launch.supervision import die_with_parent

# What most jobs import, and what takes long: torch and sae_lens (with transformers) above all.
LOADED = (
    *("torch", "torch.nn.functional", "numpy", "pandas", "zarr", "safetensors.torch", "dask"),
    *("dask.threaded", "scipy.sparse", "scipy.optimize", "scipy.stats", "threadpoolctl", "yaml"),
    *("matplotlib.figure", "matplotlib.style", "matplotlib.backends.backend_agg"),
    *("matplotlib.backends.backend_pdf", "seaborn", "sae_lens", "sae_lens.training.sae_trainer"),
)
STREAMS = 3


def possible() -> bool:
    """Whether jobs can be forks: on Linux, and not where a GPU's driver may be running in them.

    ANATOMY_WARM_START=no in the environment turns them off.
    """
    if os.environ.get("ANATOMY_WARM_START") == "no":
        return False
    return sys.platform == "linux" and not any(Path("/dev").glob("nvidia[0-9]*"))


def serve(name: str) -> None:
    """Load, then fork a process for every job that is handed over at the socket `name`.

    Ends with the parent of this process. It starts no threads: a fork would not have them. A job's
    environment is the present one, with what the job brings. A `sitecustomize` of the user has run
    in this process, as in every Python; jobs find it in `sys.modules`, and it does not run again.
    """
    environment = dict(os.environ)  # some of what is loaded writes into it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the jobs
    for module in LOADED:
        import_module(module)
    use_once()
    gc.freeze()  # a fork that collects garbage would otherwise copy every page of what is loaded
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    jobs: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")  # of Linux's abstract namespace: no file that would be left
        listening.listen(64)
        while True:
            events = _wait(listening, woken, jobs)
            if woken in events:
                _reap(woken, jobs)
            _stop_deserted(events, jobs)
            if listening.fileno() not in events:
                continue
            client, _ = listening.accept()
            if _owner(client) != os.getuid():
                client.close()
                continue
            process = os.fork()
            if process == 0:
                for other in jobs.values():
                    other.close()
                listening.close()
                _leave(_run(client, environment))
            jobs[process] = client


def use_once() -> None:
    """Make what libraries make on first use and keep: parsers and metrics of text, and names of tensors.

    A figure that is thrown away, with the text that figures have, and transformers' table of how checkpoints
    name their tensors. What is kept is a function of what is asked, so no job's output depends on it.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    from workflow_scripts.anatomy.figures.style import SETTINGS

    with rc_context(SETTINGS):
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        axes.plot([1, 1000], [1, 2], label="$x^2$")
        axes.set_xscale("log")
        axes.legend()
        for kind in ("pdf", "png"):
            figure.savefig(io.BytesIO(), format=kind)
    get_checkpoint_conversion_mapping("gpt2")


def _leave(status: int) -> None:
    """End a fork as Python ends, but without taking apart all that is loaded: that takes a second."""
    # Ends thread pools that were left open, and waits for other threads.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(status)


def _wait(listening: socket.socket, woken: int, jobs: dict[int, socket.socket]) -> set[int]:
    """Wait for a job to come, for one to end, or for a client to be gone."""
    poll = select.poll()
    for descriptor in (listening.fileno(), woken):
        poll.register(descriptor, select.POLLIN)
    for client in jobs.values():
        poll.register(client, select.POLLRDHUP)
    return {descriptor for descriptor, _ in poll.poll()}


def _stop_deserted(events: set[int], jobs: dict[int, socket.socket]) -> None:
    """Stop the jobs whose clients were killed."""
    for process, client in list(jobs.items()):
        if client.fileno() in events:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
            jobs.pop(process).close()


def _owner(client: socket.socket) -> int:
    """The user whose process is at the other end."""
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1]


def _reap(woken: int, jobs: dict[int, socket.socket]) -> None:
    """Tell the clients of all jobs that ended how they ended."""
    with contextlib.suppress(BlockingIOError):
        os.read(woken, 4096)
    with contextlib.suppress(ChildProcessError):  # there are no forks left
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(ended[1])
            if client := jobs.pop(ended[0], None):
                with contextlib.suppress(OSError), client:
                    client.sendall(bytes([code if code >= 0 else 128 - code]))


def _run(client: socket.socket, environment: dict[str, str]) -> int:
    """In a fork: become the job that `client` hands over, and return its exit status.

    environment: the job's, apart from what it brings itself.
    """
    die_with_parent()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    length, streams, _, _ = socket.recv_fds(client, 8, STREAMS)
    content = b""
    while len(content) < int.from_bytes(length):
        content += client.recv(1 << 20)
    job = json.loads(content)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(environment | job["environment"])
    tempfile.tempdir = None  # what is loaded has asked for it already, with another TMPDIR
    sys.argv = sys.orig_argv[1:] = [job["script"]]
    sys.path[0] = os.path.dirname(job["script"])
    try:
        runpy.run_path(job["script"], run_name="__main__")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
