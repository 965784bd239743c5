"""A SLURM for the tests of this folder, started once."""

from collections.abc import Iterator

import pytest

from tests.workflow.cluster import slurm


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> Iterator[None]:
    """SLURM takes jobs here; tests are skipped, with the reason, where it cannot be started."""
    folder = tmp_path_factory.mktemp("slurm")
    try:
        with slurm.running(folder):
            yield
    except slurm.Unavailable as reason:
        pytest.skip(str(reason))
