"""Strongest windows against the examples of latents, and token profiles against a brute-force count."""

import numpy as np
import pytest

from tests.anatomy.interpretability.corpus import FIRST, POSITIONS, Corpus, PlantedCodes
from tests.conftest import random_documents
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability.examples import ExampleCounts, draw_examples
from workflow_scripts.anatomy.interpretability.halves import Halves
from workflow_scripts.anatomy.interpretability.peaks import window_start
from workflow_scripts.anatomy.interpretability.strongest import strongest_windows
from workflow_scripts.anatomy.interpretability.token_profiles import (
    WINDOW,
    overlap,
    token_frequencies,
    token_profiles,
)

LATENTS = np.array([3, 0, 1, 2])
NUMBER = 12


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A latent on " self", a random one, a silent one, and one that fires after "("."""
    corpus = Corpus(contexts=120)
    corpus.documents = random_documents(*corpus.tokens.shape, 150.0)
    opened = corpus.tokens == corpus.ids("(")[0]
    after = np.zeros_like(opened)
    after[:, 1:] = opened[:, :-1]
    noise = np.random.default_rng(5).random(opened.shape) < 0.01
    fires = [corpus.tokens == corpus.ids(" self")[0], noise, np.zeros_like(noise), after]
    store = corpus.store(tmp_path_factory.mktemp("profiles") / "store.zarr")
    return corpus, store, PlantedCodes(fires)


def peaks_of(activations, window):
    """(value, context, position) of every peak of a latent, the strongest first."""
    found = []
    for context, row in enumerate(activations):
        for position in range(FIRST, POSITIONS):
            start = int(window_start(np.array(position), window, FIRST, POSITIONS))
            if row[position] > 0 and start + row[start : start + window].argmax() == position:
                found.append((float(row[position]), context, position))
    return sorted(found, reverse=True)


def test_in_the_explanation_half_they_are_what_latents_are_explained_from(planted):
    corpus, store, codes = planted
    counts = ExampleCounts(window=16, top=NUMBER)
    examples = draw_examples(store, codes, LATENTS, counts, 7, corpus.labeller)
    halves = Halves.of(store.units, 7)
    found = strongest_windows(store, codes, LATENTS, 16, NUMBER, halves)
    assert len(found) == len(LATENTS)
    for own, windows in zip(examples, found, strict=True):
        for name in ("tokens", "activations", "context", "start"):
            np.testing.assert_array_equal(getattr(windows, name), getattr(own.top, name))


def test_everywhere_they_are_the_largest_peaks(planted):
    _, store, codes = planted
    found = strongest_windows(store, codes, LATENTS, 16, NUMBER)
    for latent, windows in zip(LATENTS, found, strict=True):
        expected = [value for value, _, _ in peaks_of(codes.dense[..., latent], 16)][:NUMBER]
        np.testing.assert_array_equal(windows.activations.max(1, initial=0), expected)


def test_profiles_are_those_of_brute_force(planted):
    corpus, store, codes = planted
    size = len(corpus.strings)
    text = np.bincount(corpus.tokens[:, FIRST:].ravel(), minlength=size)
    text = text / text.sum()
    np.testing.assert_allclose(token_frequencies(store, size), text, rtol=1e-12)
    profiles = token_profiles(store, codes, LATENTS, NUMBER, size).toarray()
    for latent, profile in zip(LATENTS, profiles, strict=True):
        observed = np.zeros(size)
        for value, context, position in peaks_of(codes.dense[..., latent], WINDOW)[:NUMBER]:
            start = int(window_start(np.array(position), WINDOW, FIRST, POSITIONS))
            for at in range(start, position + 1):
                observed[corpus.tokens[context, at]] += value * 0.5 ** (position - at)
        if observed.sum():
            observed = np.maximum(observed / observed.sum() - text, 0)
            observed /= observed.sum()
        np.testing.assert_allclose(profile, observed, rtol=1e-6, atol=1e-12)
    assert profiles[LATENTS.tolist().index(2)].sum() == 0


def test_a_profile_says_what_a_latent_is_about(planted):
    corpus, store, codes = planted
    profiles = token_profiles(store, codes, np.array([0, 3]), NUMBER, len(corpus.strings))
    assert profiles[[0]].toarray().argmax() == corpus.ids(" self")[0]
    assert corpus.ids("(")[0] in profiles[[1]].indices


def test_overlap_is_that_of_distributions():
    one, other = np.random.default_rng(0).dirichlet(np.ones(9), 2)
    assert overlap(one, one) == pytest.approx(1)
    assert overlap(one, other) == pytest.approx(1 - np.abs(one - other).sum() / 2)
    assert overlap(np.array([1.0, 0]), np.array([0, 1.0])) == 0


def test_a_window_longer_than_a_context_is_an_error(planted):
    _, store, codes = planted
    with pytest.raises(AnatomyError, match="window 500 does not fit"):
        strongest_windows(store, codes, LATENTS, 500, 3)
