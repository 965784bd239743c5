"""Contexts in the explorer against those of the harvest."""

import numpy as np
import pytest

from tests.conftest import SITE, plant_harvest
from workflow_scripts.anatomy.report.shards.model_text import harvest_of
from workflow_scripts.anatomy.report.shards.texts import tokens_of


@pytest.fixture
def plant(tmp_path):
    def make(largest):
        tokens = np.random.default_rng(0).integers(0, largest, (9, 4))
        tokens[3, 2] = largest
        documents = np.arange(36).reshape(9, 4) // 5
        x = {SITE: np.zeros((9, 4, 2))}
        return plant_harvest(
            tmp_path / "x.zarr", x, tokens, min_position=1, documents=documents
        ), tokens

    return make


@pytest.mark.parametrize(("largest", "dtype"), [(65535, np.uint16), (65536, np.uint32)])
def test_all_contexts_of_a_small_harvest(plant, largest, dtype):
    store, tokens = plant(largest)
    shard = tokens_of("m", store, np.array([1]), 7)
    assert shard.columns["tokens"].dtype == dtype
    assert np.array_equal(shard.columns["tokens"].reshape(9, 4), tokens)
    expected = {"contexts": 9, "positions": 4, "min_position": 1, "separator": 7}
    assert shard.header == expected
    assert list(shard.columns) == ["tokens"]


def test_of_a_large_harvest_what_is_referred_to(plant):
    store, tokens = plant(99)
    shard = tokens_of("m", store, np.array([8, 1, 1, 4]), None, whole=35)
    assert shard.columns["context_numbers"].tolist() == [1, 4, 8]
    assert np.array_equal(shard.columns["tokens"].reshape(3, 4), tokens[[1, 4, 8]])
    assert shard.header["contexts"] == 9


def test_what_was_looked_at(plant):
    store, _ = plant(9)
    found = harvest_of(store)
    # Documents begin every fifth token; the first token of each context is not counted.
    assert found == {"contexts": 9, "positions": 4, "min_position": 1, "tokens": 27, "documents": 8}
