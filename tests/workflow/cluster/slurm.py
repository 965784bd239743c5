"""A SLURM of one node on this machine, with two GPUs that are not there, for as long as a test needs it.

Only `/etc/slurm/slurm.conf` and `/etc/slurm/gres.conf` lie outside its own folder, since jobs find no
configuration anywhere else; they are removed at the end, and where one lies there already nothing is
started. Packages that had to be installed stay.
"""

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.anatomy.launch.supervision import die_with_parent

ETC = Path("/etc/slurm")
FILES = (ETC / "slurm.conf", ETC / "gres.conf")
PROGRAMS = {"slurmctld", "slurmd", "sbatch", "munged"}
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
SOCKET = Path("/run/munge/munge.socket.2")  # where SLURM looks for munge
OURS = "# Written by the tests of the workflow."
CPUS, MEMORY_MB, GPUS = 8, 12_000, 2  # what the node claims to have

# Cgroups need more rights than a container gives: memory is looked at once a second, and a job's processes
# are those of its process group. (By their parents, SLURM would lose those whose shell is killed first.)
CONFIGURATION = """
ClusterName=ci
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=2,sched_interval=2
EnforcePartLimits=ALL
MinJobAge=600
KillWait=5
GresTypes=gpu
DefMemPerCPU=500
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} \
ThreadsPerCore=1 RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=600 State=UP
PartitionName=gpu Nodes={host} MaxTime=600 State=UP
"""


class Unavailable(Exception):
    """No SLURM can be started here; the message says why."""


def command(*arguments: str, timeout: float = 30) -> str:
    """What a command prints; an error where it fails or does not end."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout, check=True)
    return done.stdout


def left_behind(path: Path) -> bool:
    """Whether a file is of tests that were killed: theirs, and the daemon that read it is gone."""
    alive = subprocess.run(["pidof", "slurmctld"], capture_output=True, timeout=30).returncode == 0
    return path.read_text().startswith(OURS) and not alive


def install() -> None:
    """Have the daemons, from Debian's packages where they are missing; raise Unavailable."""
    if os.geteuid() != 0:
        raise Unavailable("SLURM's daemons need root")
    if any(path.exists() and not left_behind(path) for path in FILES):
        raise Unavailable(f"a SLURM is configured in {ETC}, and is left alone")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if all(map(shutil.which, PROGRAMS)):
        return
    if not shutil.which("apt-get"):
        raise Unavailable("no slurmctld, and no apt-get to install it")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        try:
            subprocess.run(
                ["apt-get", *step], env=environment, capture_output=True, timeout=120, check=True
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise Unavailable(f"apt-get {step[0]} of SLURM failed: {error}") from None


def configure(folder: Path) -> list[Path]:
    """Write the configuration and the GPUs, character devices as SLURM wants them; return the files."""
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    for gpu in range(GPUS):
        try:
            os.mknod(folder / f"gpu{gpu}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        except OSError as error:
            raise Unavailable(f"no device files can be made here: {error}") from None
    values = {"host": host, "folder": folder, "cpus": CPUS, "memory": MEMORY_MB, "gpus": GPUS}
    files = {
        FILES[0]: CONFIGURATION.format(**values),
        FILES[1]: f"NodeName={host} Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n",
    }
    for path, text in files.items():
        path.write_text(f"{OURS}\n{text}")
    return list(files)


def daemon(folder: Path, *arguments: str) -> subprocess.Popen:
    """Start a daemon in the foreground, so that it is known by its process and ends with this one."""
    with open(folder / f"{arguments[0]}.out", "w") as output:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


def munge_answers() -> bool:
    return subprocess.run(["munge", "-n"], capture_output=True, timeout=30).returncode == 0


def start_munge(folder: Path) -> list[subprocess.Popen]:
    """Have munge running; returns its process where it was not."""
    if munge_answers():
        return []
    SOCKET.parent.mkdir(exist_ok=True)
    shutil.chown(SOCKET.parent, "munge", "munge")
    SOCKET.parent.chmod(0o755)
    as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "--pdeathsig=KILL"]
    started = [daemon(folder, *as_munge, "munged", "--foreground", "--force", "--syslog")]
    wait_for(munge_answers, 15)
    return started


def wait_for(condition, seconds: float) -> bool:
    """Whether something comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def idle() -> bool:
    done = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, timeout=30)
    return set(done.stdout.split()) == {"idle"}


def jobs(states: str = "PENDING,CONFIGURING,RUNNING,COMPLETING") -> list[dict[str, str]]:
    """The jobs in these states; of each its id, name, comment, partition, GPUs, memory, CPUs and state."""
    keys = {"id": "i", "name": "j", "comment": "k", "partition": "P", "gpus": "b", "memory": "m"}
    keys |= {"cpus": "C", "state": "T", "folder": "Z"}
    form = "|".join(f"%{letter}" for letter in keys.values())
    lines = command("squeue", "-h", "-t", states, "-o", form).splitlines()
    return [dict(zip(keys, line.split("|"), strict=True)) for line in lines]


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """A SLURM that takes jobs, in `folder` (absolute); raises Unavailable where there can be none."""
    install()
    written, started = [], []
    try:
        written = configure(folder)
        started += start_munge(folder)
        started += [daemon(folder, "slurmctld", "-D"), daemon(folder, "slurmd", "-D")]
        if not wait_for(idle, 30):
            logs = [path.read_text()[-1500:] for path in sorted(folder.glob("*.log"))]
            raise Unavailable("SLURM does not come up: " + "\n".join(logs))
        yield
    finally:
        if started:
            subprocess.run(["scancel", "--user=root"], capture_output=True, timeout=30)
            with contextlib.suppress(subprocess.SubprocessError):
                wait_for(lambda: not jobs(), 15)
        for process in reversed(started):
            stop(process)
        for path in written:
            path.unlink()
