"""Pooled examples against sums over their tokens, one by one."""

import numpy as np
import pytest

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.probing.examples import Examples, Problem
from workflow_scripts.anatomy.probing.pooling import open_pooled, pool_harvest

D, WIDTH = 6, 12


@pytest.fixture
def stores(tmp_path):
    store = write_activations(tmp_path / "h.zarr", correlated(700, 12, D), min_position=2)
    dictionary = random_dictionary(D, WIDTH)
    reconstruct(dictionary, store, SITE, tmp_path / "codes.zarr")
    return store, open_codes(tmp_path / "codes.zarr")


def test_an_example_is_the_mean_of_its_tokens(stores, tmp_path):
    store, codes = stores
    rng = np.random.default_rng(0)
    start = rng.integers(0, 11, 50)
    stop = start + 1 + rng.integers(0, 12 - start)
    # In no order, and over several blocks of the store.
    places = np.stack([rng.integers(0, 700, 50), start, stop], 1)
    problem = Problem("set", "class", "family", np.arange(50), np.arange(50) % 2 == 0)
    examples = Examples(np.arange(50), np.arange(50) < 30, [problem], places)
    pooled = pool_harvest(examples, store, SITE, {"sae": codes})
    write_arrays(tmp_path / "pooled.npz", examples.arrays() | pooled)
    found = open_pooled(tmp_path / "pooled.npz")
    x = store.activations(SITE)[:]
    dense = codes.rows(slice(0, 700)).toarray().reshape(700, 12, WIDTH)
    for at, (context, first, last) in enumerate(places):
        np.testing.assert_allclose(
            found.activations[at], x[context, first:last].mean(0), rtol=1e-5, atol=1e-6
        )
        mine = found.codes("sae")[at].toarray()[0]
        np.testing.assert_allclose(mine, dense[context, first:last].mean(0), rtol=1e-5, atol=1e-6)
    assert found.examples.problems[0].label == "class"
    for mine, expected in zip(
        (found.examples.documents, found.examples.train, found.examples.places),
        (examples.documents, examples.train, examples.places),
        strict=True,
    ):
        assert (mine == expected).all()


def test_a_token_alone_is_itself_to_the_bit(stores):
    store, codes = stores
    places = np.array([[5, 3, 4], [699, 11, 12], [5, 2, 3]])
    examples = Examples(np.arange(3), np.ones(3, bool), [], places)
    pooled = pool_harvest(examples, store, SITE, {"sae": codes})
    x = store.activations(SITE)[:]
    assert (pooled["activations"] == x[places[:, 0], places[:, 1]]).all()


def test_the_same_examples_give_the_same_bytes(stores, tmp_path):
    store, codes = stores
    examples = Examples(np.arange(1), np.ones(1, bool), [], np.array([[1, 0, 5]]))
    files = []
    for name in ("a.npz", "b.npz"):
        write_arrays(
            tmp_path / name, examples.arrays() | pool_harvest(examples, store, SITE, {"s": codes})
        )
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
