"""The blocks of a regression on workers that are SLURM's jobs."""

import numpy as np
import pytest
import torch

from tests.workflow.cluster.runs import here
from tests.workflow.cluster.slurm import wait_for
from workflow_scripts.anatomy.base.blockwise import total
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.regression import moments

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("cluster")]

JOBS = {"jobs": 2, "cores": 1, "memory": "900MB", "walltime": "00:05:00", "queue": "cpu"}


def config(**settings):
    return {"scheduler": "slurm", "address": None, "slurm": JOBS | settings}


def test_the_bits_are_those_of_the_threads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).normal(size=(250, 6)))
    shift = torch.from_numpy(np.load("x.npy")[:25].mean(0))

    def of_block(block):
        return moments(torch.from_numpy(np.load("x.npy")[block]), shift)

    blocks = [slice(at, at + 25) for at in range(0, 250, 25)]
    found = total(of_block, blocks, 1, config())
    assert torch.equal(found.xx, total(of_block, blocks).xx)
    assert wait_for(lambda: not here(tmp_path), 20), "workers stay"
    assert not list(tmp_path.glob("*.out")), "logs lie about"


def test_a_partition_that_is_not_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnatomyError, match=r"analysis\.dask\.slurm: .*partition"):
        total(len, ["one"], 1, config(queue="nowhere"))
