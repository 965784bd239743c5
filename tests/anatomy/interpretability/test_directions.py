"""Directions as latents: as often active as they are told, and as many of each kind."""

import numpy as np
import pytest

from tests.conftest import SITE, correlated, write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability import thresholding
from workflow_scripts.anatomy.interpretability.directions import (
    FEWEST_FIRINGS,
    RIVALS,
    candidates,
    chosen_directions,
    chosen_latents,
)
from workflow_scripts.anatomy.interpretability.examples import ExampleCounts, draw_examples
from workflow_scripts.anatomy.interpretability.thresholding import with_frequencies
from workflow_scripts.anatomy.statistics.components import (
    independent_components,
    principal_components,
)

C, T, D, FIRST = 60, 40, 6, 3
FREQUENCIES = np.array([0.3, 0.05, 0.01, 0.0])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("harvest") / "harvest.zarr"
    return write_activations(path, correlated(C, T, D), min_position=FIRST)


@pytest.fixture(scope="module")
def x(store):
    return store.activations(SITE)[:]


@pytest.fixture(scope="module")
def components(x):
    rows = x.reshape(-1, D).astype(np.float64)
    pca = principal_components(rows.mean(0), np.cov(rows.T, bias=True))
    return {"pca": pca, "ica": independent_components(rows, D, 0)}


@pytest.fixture(scope="module")
def readers():
    return np.random.default_rng(5).normal(size=(len(FREQUENCIES), D))


def test_directions_fire_as_often_as_they_are_told(store, x, readers):
    """On the strongest tokens, with what is above the weakest of them."""
    made = with_frequencies(store, SITE, readers, FREQUENCIES)
    rows = made.rows(slice(0, C)).toarray().reshape(C, T, -1)[:, FIRST:].reshape(-1, 4)
    scores = (x[:, FIRST:].reshape(-1, D).astype(np.float64)) @ readers.T
    for number, frequency in enumerate(FREQUENCIES):
        fires = rows[:, number] > 0
        assert fires.sum() == max(1, round(frequency * len(scores)))
        assert scores[fires, number].min() > scores[~fires, number].max()
        order = np.argsort(scores[fires, number])
        assert (np.diff(rows[fires, number][order]) >= 0).all()
        apart = np.ptp(scores[fires, number] - rows[fires, number])
        assert apart < 1e-4 * np.abs(scores).max()


def test_rows_do_not_depend_on_the_block(store, readers):
    made = with_frequencies(store, SITE, readers, FREQUENCIES)
    parts = [made.rows(slice(at, at + 7)).toarray() for at in range(0, C, 7)]
    np.testing.assert_allclose(np.concatenate(parts), made.rows(slice(0, C)).toarray(), atol=1e-6)


def test_thresholds_of_a_large_harvest_come_from_a_part_of_it(store, readers, monkeypatch):
    monkeypatch.setattr(thresholding, "TOKENS", 20 * (T - FIRST))
    made = with_frequencies(store, SITE, readers, FREQUENCIES)
    rows = made.rows(slice(0, C)).toarray().reshape(C, T, -1)
    chosen = np.arange(20) * C // 20
    share = (rows[chosen, FIRST:, 0] > 0).mean()
    assert share == pytest.approx(0.3, abs=1 / (20 * (T - FIRST)))
    assert (rows[:, FIRST:, 0] > 0).mean() == pytest.approx(0.3, abs=0.1)


def test_examples_are_drawn_from_directions_as_from_codes(store, readers):
    made = with_frequencies(store, SITE, readers, FREQUENCIES)
    counts = ExampleCounts(window=8, negatives=10)
    examples = draw_examples(store, made, np.arange(4), counts, 0)
    firings = [each.firings for each in examples]
    assert firings == [max(1, round(f * C * (T - FIRST))) for f in FREQUENCIES]
    assert examples[0].problem is None
    assert "too few" in examples[3].problem


@pytest.mark.parametrize("method", RIVALS)
def test_every_rival_has_its_candidates(components, method):
    found = candidates(method, components, 11, 0)
    if method == "random":
        assert found.shape == (11, D)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    else:
        assert found.shape == (2 * D, D)
        np.testing.assert_array_equal(found[:D], -found[D:])
    if method == "basis":
        np.testing.assert_array_equal(found[:D], np.eye(D))


def test_scores_of_components_are_those_of_their_readers_but_for_a_constant(components, x):
    rows = x.reshape(-1, D)
    for found in components.values():
        apart = rows.astype(np.float64) @ found.readers.T - found.scores(rows)
        assert np.ptp(apart, axis=0).max() < 1e-8


def test_as_many_directions_as_latents_with_the_same_frequencies():
    firing = np.array([0, FEWEST_FIRINGS - 1, *range(FEWEST_FIRINGS, FEWEST_FIRINGS + 40)])
    latents = chosen_latents(firing, 25, 0)
    assert len(set(latents)) == 25 and latents.min() >= 2
    assert len(chosen_latents(firing, 100, 0)) == 40
    frequencies = firing[latents] / 1000
    numbers, readers, given = chosen_directions(np.arange(60.0)[:, None], frequencies, 0)
    assert len(set(numbers)) == 25
    np.testing.assert_array_equal(readers[:, 0], numbers)
    assert sorted(given) == sorted(frequencies)
    few, _, given = chosen_directions(np.arange(12.0)[:, None], frequencies, 0)
    assert few.tolist() == list(range(12)) and len(given) == 12


def test_latents_that_hardly_fire_are_an_error():
    with pytest.raises(AnatomyError, match="no latent fires on 200 tokens"):
        chosen_latents(np.array([3, 199]), 10, 0)
