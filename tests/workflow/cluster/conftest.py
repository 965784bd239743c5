"""A SLURM for the tests of each file of this folder; there is room for one on a machine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.workflow.cluster import slurm

LOCK = Path(tempfile.gettempdir()) / "slurm-of-tests.lock"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[None]:
    """SLURM takes jobs here; tests are skipped, with the reason, where it cannot be started."""
    folder = tmp_path_factory.mktemp("slurm")
    try:
        with FileLock(LOCK), slurm.running(folder):
            yield
    except slurm.Unavailable as reason:
        pytest.skip(str(reason))
