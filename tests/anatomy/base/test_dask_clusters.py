"""Blocks on a dask cluster: the bits of the job's threads, from wherever workers were started, whoever dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.anatomy.base import dask_clusters
from workflow_scripts.anatomy.base.blockwise import total
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.regression import moments

OWN = {"scheduler": "cluster", "address": None}
BLOCKS = [slice(at, at + 25) for at in range(0, 250, 25)]


def rows():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(250, 6)) * 10.0 ** np.arange(6))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A scheduler and two workers, started in another folder, by a Python that does not know this code."""
    folder = tmp_path_factory.mktemp("elsewhere")
    file = folder / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": ""}
    arguments = ["--scheduler-file", str(file)]
    commands = [
        ["distributed.cli.dask_scheduler", *arguments, "--port", "0", "--no-dashboard"],
        ["distributed.cli.dask_worker", *arguments, "--nworkers", "2", "--nthreads", "1"],
    ]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        yield _address_in(file)
    finally:
        for process in started[::-1]:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(30)


def _address_in(file: Path) -> str:
    for _ in range(300):
        if file.exists() and file.stat().st_size:
            return json.loads(file.read_text())["address"]
        time.sleep(0.1)
    raise AssertionError("no scheduler")


def test_bits_are_those_of_the_threads(address):
    x = rows()
    shift = x[:25].mean(0)

    def of_block(block):
        return moments(x[block], shift)

    threads = total(of_block, BLOCKS, 2)
    for config in (OWN, {"scheduler": "cluster", "address": address}):
        found = total(of_block, BLOCKS, 2, config)
        assert torch.equal(found.xx, threads.xx)
        assert found.count == threads.count


def test_files_have_the_names_that_they_have_here(address, tmp_path, monkeypatch):
    """A worker from another folder reads what this one calls by a path of its own."""
    monkeypatch.chdir(tmp_path)
    Path("numbers").mkdir()
    np.save("numbers/x.npy", rows().numpy())

    def of_block(block):
        return np.load("numbers/x.npy")[block].sum()

    whole = total(of_block, BLOCKS, 2, {"scheduler": "cluster", "address": address})
    assert whole == total(of_block, BLOCKS)


def test_a_worker_that_is_killed_loses_nothing(tmp_path):
    killed = tmp_path / "killed"

    def of_block(block):
        if block.start == 100 and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return rows()[block].sum(0)

    found = total(of_block, BLOCKS, 2, OWN)
    assert killed.exists()
    assert torch.equal(found, total(of_block, BLOCKS))


def test_a_block_that_kills_every_worker_is_a_sentence(monkeypatch):
    monkeypatch.setattr(dask_clusters, "DEATHS", 0)

    def of_block(block):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(AnatomyError, match="workers died on the same block"):
        total(of_block, BLOCKS[:1], 1, OWN)


def test_an_error_in_a_block_is_that_error():
    def of_block(block):
        raise AnatomyError("results/x.zarr: chunk 3 is damaged")

    with pytest.raises(AnatomyError, match=r"^results/x\.zarr: chunk 3 is damaged$"):
        total(of_block, BLOCKS[:2], 1, OWN)


def test_where_nobody_answers(monkeypatch):
    monkeypatch.setattr(dask_clusters, "PATIENCE", 1)
    nowhere = {"scheduler": "cluster", "address": "tcp://127.0.0.1:9"}
    with pytest.raises(AnatomyError, match="no dask scheduler answers at tcp"):
        total(len, BLOCKS, 1, nowhere)


def test_a_script_that_starts_a_cluster_is_run_once(tmp_path):
    """Snakemake's scripts have no main guard: workers must not be made by running them again."""
    script = tmp_path / "script.py"
    script.write_text(
        "print('begun')\n"
        "from workflow_scripts.anatomy.base.blockwise import total\n"
        f"print(total(lambda b: b * b, list(range(9)), 2, {OWN}))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": str(dask_clusters.ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == ["begun", "204"], done.stderr[-2000:]
