"""The dask cluster that a configuration asks for: one of this job's own, one at an address, one of SLURM's jobs."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.job import log

ROOT = Path(__file__).resolve().parents[3]
# Seconds until a cluster's scheduler has to answer, and one at an address has to have a worker.
PATIENCE = 30
# A block whose workers died so often is not tried again.
DEATHS = 3
# Where SLURM writes what workers say.
LOGS = ".snakemake/dask"


def computed(whole: Any, threads: int, config: Mapping[str, Any]) -> Any:
    """Compute a delayed value on the cluster of ``analysis.dask``; what a worker that dies had is made again.

    threads: how many workers a cluster of this job's own has.

    Raises
    ------
    AnatomyError: no scheduler answers, none of its workers can work here, or workers die again and again on
        one block.
    """
    from distributed.scheduler import KilledWorker

    try:
        with client_of(config, threads) as client:
            return client.compute(whole, sync=True)
    except KilledWorker as error:
        raise AnatomyError(
            f"analysis.dask: {error.allowed_failures + 1} workers died on the same block, most likely for "
            "want of memory; give workers more of it, or use scheduler: threads"
        ) from error


@contextmanager
def client_of(config: Mapping[str, Any], threads: int) -> Iterator[Any]:
    """A client of that cluster. Its workers work in this folder, with this code; what was started ends with it."""
    from distributed import Client, SubprocessCluster

    scheduler, address = config["scheduler"], config.get("address")
    with ExitStack() as stack:
        if address:
            where = address
        elif scheduler == "slurm":
            where = stack.enter_context(_slurm(config["slurm"]))
        else:
            # Processes of a program of their own: forked ones would run the job's script once more.
            where = stack.enter_context(
                SubprocessCluster(
                    n_workers=threads,
                    threads_per_worker=1,
                    dashboard_address=":0",
                    host="127.0.0.1",
                    scheduler_kwargs={"allowed_failures": DEATHS},
                )
            )
        try:
            client = stack.enter_context(Client(where, timeout=PATIENCE, set_as_default=False))
        except (OSError, ValueError) as error:
            raise AnatomyError(
                f"analysis.dask.address: no dask scheduler answers at {address} ({error}); start one "
                "(dask scheduler), or give no address"
            ) from error
        if address:
            _wait(client, address)
        try:
            client.register_plugin(_here(str(ROOT), str(Path.cwd())), name="sae-anatomy")
        except Exception as error:
            raise AnatomyError(
                f"analysis.dask: its workers cannot work in {Path.cwd()} with the code in {ROOT} "
                f"({error}); both must lie on a file system that they share"
            ) from error
        yield client


def _wait(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        raise AnatomyError(
            f"analysis.dask.address: the dask scheduler at {address} has no workers; start some "
            f"(dask worker {address})"
        ) from error


@contextmanager
def _slurm(config: Mapping[str, Any]) -> Iterator[Any]:
    """Workers that are SLURM jobs, which end with this one."""
    from dask_jobqueue import SLURMCluster

    settings = {key: value for key, value in config.items() if key != "jobs" and value is not None}
    settings |= {"processes": settings["cores"], "log_directory": LOGS}
    try:
        cluster = SLURMCluster(**settings, scheduler_options={"dashboard_address": ":0"})
    except (OSError, ValueError, RuntimeError) as error:
        raise AnatomyError(
            f"analysis.dask.slurm: no cluster of these settings ({error})"
        ) from error
    with cluster:
        _try_out(cluster.job_script())
        cluster.scale(jobs=config["jobs"])
        log.info("waiting for workers: %d jobs are submitted to SLURM", config["jobs"])
        try:
            yield cluster
        finally:
            cluster.scale(0)


def _try_out(script: str) -> None:
    """Ask SLURM whether it would take such a job: a submission that fails is not told to who waits for workers."""
    try:
        done = subprocess.run(
            ["sbatch", "--test-only"], input=script, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise AnatomyError(
            "analysis.dask.slurm: there is no sbatch here; run on a node of the cluster that may submit jobs"
        ) from None
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise AnatomyError(f"analysis.dask.slurm: SLURM takes no such jobs ({said})")


def _here(root: str, folder: str) -> Any:
    """What makes a worker find this code, and the files of this run by the names that they have here.

    The class is made here, so that it reaches workers as it is: they cannot import this module yet.
    """
    from distributed import WorkerPlugin

    class Here(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            import os
            import sys

            os.chdir(folder)
            if root not in sys.path:
                sys.path.insert(0, root)
            from workflow_scripts.anatomy.base.job import limit_threads

            # As on the job's threads, each block is computed by one.
            limit_threads(1)

    return Here()
