"""What a Python of this run does first: a job of Snakemake is handed to the warm process, if there is one.

Python imports the first module of this name that it finds when it starts. Anything but a job goes on
with the next one, as if this were not there.
"""

import os
import sys

# What Snakemake sets for a job (`snakemake.shell`), and the shell, which it is started by. All else
# the job has from `make run`, and so has the warm process: nothing else, no key nor password above
# all, has to go through the socket. In a test Snakemake itself is asked whether it sets more.
HANDED_OVER = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("TMPDIR", "TMP", "TEMPDIR", "TEMP", "PWD"),
)


def hand_over(name: str, script: str) -> None:
    """Have `script` run by the warm process that listens at `name`, and exit as it does.

    Returns where none listens, or another process does: the name is free once the warm process is
    gone, and any user may take it.
    """
    import json
    import signal
    import socket
    import struct

    before = signal.getsignal(signal.SIGINT)
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(f"\0{name}")
        peer = server.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        process, user, _ = struct.unpack("3i", peer)
        # Of the process group, too: a cluster's job is in an allocation of its own, and stays there
        # even on this machine.
        if user == os.geteuid() and os.getpgid(process) == os.getpgrp():
            # The fork is in the same process group: what interrupts this process reaches it too.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            environment = {key: os.environ[key] for key in HANDED_OVER if key in os.environ}
            job = {"script": script, "folder": os.getcwd(), "environment": environment}
            content = json.dumps(job).encode()
            socket.send_fds(server, [len(content).to_bytes(8)], [0, 1, 2])
            server.sendall(content)
            status = server.recv(1)
            os._exit(status[0] if status else 1)
    except OSError:  # not ready yet, gone before it took the job, or on another machine
        signal.signal(signal.SIGINT, before)
    server.close()


def interrupted_quietly(kind, error, trace, otherwise=sys.excepthook) -> None:
    """Ctrl-C while modules are still being imported is no mistake in them."""
    if not issubclass(kind, KeyboardInterrupt):
        otherwise(kind, error, trace)


sys.excepthook = interrupted_quietly

wanted, _, where = os.environ.get("ANATOMY_WARM_START", "").partition(":")
# orig_argv last: another Python, of another version perhaps, comes by here as well.
if wanted == sys.prefix and len(sys.orig_argv) == 2:
    script = sys.orig_argv[1]
    if f"{os.sep}.snakemake{os.sep}scripts{os.sep}" in script:
        hand_over(where, script)

# Python takes the module that is imported here for the one it asked for, and where there is none, or
# it fails, does what it does then: the exception is this one's too.
sys.path[:] = [folder for folder in sys.path if folder != os.path.dirname(__file__)]
del sys.modules["sitecustomize"]
import sitecustomize  # noqa: E402, F401
