"""Sums per document of every pass over a pair, against pandas on the tokens of each document."""

import numpy as np
import pandas as pd
import pytest

from tests.conftest import SITE, random_documents
from tests.papers.canonical_units.stitching_worlds import (
    CONTEXTS,
    FIRST,
    POSITIONS,
    WIDTHS,
    brute_force,
    dense,
    planted_pair,
    target,
)
from workflow_scripts.papers.canonical_units.stitching.activation_similarity import (
    activation_products,
)
from workflow_scripts.papers.canonical_units.stitching.biases import bias_of
from workflow_scripts.papers.canonical_units.stitching.insertion import insertions
from workflow_scripts.papers.canonical_units.stitching.moves import random_insertions
from workflow_scripts.papers.canonical_units.stitching.novelty import firing
from workflow_scripts.papers.canonical_units.stitching.path import walk
from workflow_scripts.papers.canonical_units.stitching.similarity import similarity

EVERYTHING, NOTHING = np.ones(WIDTHS[0], bool), np.zeros(WIDTHS[1], bool)


@pytest.fixture(scope="module", params=[4.0, 30.0], ids=["short", "long"])
def world(request, tmp_path_factory):
    """A pair, and the document of each analysed token; blocks cut contexts anywhere."""
    documents = random_documents(CONTEXTS, POSITIONS, request.param)
    pair = planted_pair(tmp_path_factory.mktemp("pair"), documents=documents)
    for store in (pair.activations, pair.small.codes, pair.large.codes):
        slices = [slice(at, min(at + 7, CONTEXTS)) for at in range(0, CONTEXTS, 7)]
        object.__setattr__(store, "block_slices", lambda *_, s=slices: s)
    return pair, documents[:, FIRST:].ravel()


def summed(values, documents):
    """Sums of the rows of each document, in the order of their numbers."""
    rows = pd.DataFrame(np.asarray(values, float).reshape(len(documents), -1))
    sums = rows.groupby(documents).sum().to_numpy()
    return sums[:, 0] if np.ndim(values) == 1 else sums


def test_insertions(world):
    pair, documents = world
    found = insertions(pair)
    before, _ = brute_force(pair, EVERYTHING, NOTHING)
    changes = [
        brute_force(pair, EVERYTHING, np.arange(WIDTHS[1]) == latent)[0].ravel() - before.ravel()
        for latent in range(WIDTHS[1])
    ]
    np.testing.assert_array_equal(found.count, summed(np.ones(len(documents)), documents))
    np.testing.assert_allclose(found.error2, summed(before.ravel(), documents), rtol=1e-6)
    expected = summed(np.stack(changes, 1), documents)
    np.testing.assert_allclose(found.change, expected, rtol=1e-6, atol=1e-8)


def test_errors_of_biases(world):
    pair, documents = world
    found, count = bias_of(pair.small, pair.activations, SITE)
    weights = pair.small.directions.numpy().astype(np.float64) / pair.small.scale
    error = target(pair) - dense(pair.small) @ weights - found.bias
    np.testing.assert_array_equal(count, summed(np.ones(len(documents)), documents))
    np.testing.assert_allclose(found.error, summed(error, documents), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.error2, summed((error**2).sum(1), documents), rtol=1e-6)


def test_paths(world):
    pair, documents = world
    novel = similarity(pair.small.directions, pair.large.directions, 0.8).novel
    moves = random_insertions(WIDTHS, np.flatnonzero(novel), 0)
    steps = np.arange(len(moves.kinds) + 1)
    (found,) = walk(pair, [moves], [steps])
    for at in steps:
        added = (moves.large >= 0) & (moves.large < at)
        error2, l0 = (part.ravel() for part in brute_force(pair, EVERYTHING, added))
        np.testing.assert_allclose(found.error2[:, at], summed(error2, documents), rtol=1e-6)
        np.testing.assert_allclose(found.l0[:, at], summed(l0, documents))
    np.testing.assert_array_equal(found.count, summed(np.ones(len(documents)), documents))


def test_firing(world):
    pair, documents = world
    latents = np.array([1, 7, 12])
    found = firing(pair.small, pair.large, latents)
    active = dense(pair.large)[:, latents] > 0
    np.testing.assert_allclose(found.count, summed(active, documents))
    np.testing.assert_array_equal(found.all_count, summed(np.ones(len(documents)), documents))
    for name, half in (("small", pair.small), ("large", pair.large)):
        error = half.codes.scalar("error_norm2")[:, FIRST:].reshape(-1, 1)
        expected = summed(active * error, documents)
        np.testing.assert_allclose(getattr(found, f"error2_{name}"), expected, atol=1e-12)
        expected = summed(error[:, 0], documents)
        np.testing.assert_allclose(getattr(found, f"all_error2_{name}"), expected)


def test_products_of_activations(world):
    pair, documents = world
    pairs = (np.array([0, 2, 2]), np.array([0, 3, 9]))
    found = activation_products(pair.small, pair.large, pairs)
    left, right = dense(pair.small)[:, pairs[0]], dense(pair.large)[:, pairs[1]]
    expected = {"product": left * right, "square_small": left**2, "square_large": right**2}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], summed(values, documents), atol=1e-12)
