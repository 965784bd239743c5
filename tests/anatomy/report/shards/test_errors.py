"""Levels of error against the norms that they are made of."""

import numpy as np
import pytest

from workflow_scripts.anatomy.base.store import writing
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.report.shards.errors import (
    LEVELS,
    UNKNOWN,
    errors_of,
    without_errors,
)

CONTEXTS, POSITIONS, FIRST = 9, 7, 2
SHOWN = np.array([1, 4, 8])


@pytest.fixture(scope="module")
def norms2():
    found = np.random.default_rng(0).uniform(1, 2, (CONTEXTS, POSITIONS, len(VECTORS)))
    found[4, 3] = 0
    return found.astype(np.float32)


@pytest.fixture
def shard(norms2, tmp_path):
    with writing(tmp_path / "norms.zarr", "norms") as group:
        group.create_array("norms2", data=norms2)
    return errors_of("x-1", tmp_path / "norms.zarr", SHOWN, FIRST)


def test_levels_are_the_share_that_is_missed(shard, norms2):
    assert shard.key == "errors:x-1" and shard.columns["contexts"].tolist() == SHOWN.tolist()
    levels = shard.columns["error"].reshape(len(SHOWN), POSITIONS)
    with np.errstate(invalid="ignore"):
        share = norms2[SHOWN][..., VECTORS.index("error")] / norms2[SHOWN][..., VECTORS.index("x")]
    assert (levels == UNKNOWN).sum() == 1 and levels[1, 3] == UNKNOWN
    known = levels != UNKNOWN
    scale = shard.header["scale"]
    assert np.nanquantile(share[:, FIRST:], 0.99) <= scale <= np.nanmax(share[:, FIRST:])
    expected = np.minimum(share[known], scale)
    np.testing.assert_allclose(scale * levels[known] / LEVELS, expected, atol=scale / LEVELS / 1.99)


def test_without_contexts_it_is_still_a_file(shard):
    empty = without_errors(shard)
    assert empty.key == shard.key and not any(map(len, empty.columns.values()))


def test_of_no_contexts_there_is_nothing(norms2, tmp_path):
    with writing(tmp_path / "norms.zarr", "norms") as group:
        group.create_array("norms2", data=norms2)
    shard = errors_of("x-1", tmp_path / "norms.zarr", np.zeros(0, int), FIRST)
    assert shard.header["scale"] == 0 and not len(shard.columns["error"])
