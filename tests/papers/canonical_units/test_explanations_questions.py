"""Questions, what meta-latents are explained from in them, and answers by tokens, in planted worlds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, eye_array, random_array
from scipy.stats import binomtest

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.canonical_units.explanations.by_tokens import answer
from workflow_scripts.papers.canonical_units.explanations.evidence import evidence
from workflow_scripts.papers.canonical_units.explanations.questions import (
    OPTIONS,
    draw_questions,
)

LATENTS, META, ACTIVE = 600, 120, 4


def none_for(questions):
    return np.empty((len(questions.latent), 0), dtype=np.int64)


@settings(max_examples=40, deadline=None)
@given(st.integers(6, 60), st.integers(1, 80), st.integers(0, 9))
def test_a_question_has_one_right_option_among_five_different_ones(n, number, seed):
    asked = draw_questions(n, number, seed)
    assert len(asked.latent) == min(n, number) == len(set(asked.latent.tolist()))
    for latent, other, options, right in zip(
        asked.latent, asked.other, asked.options, asked.right, strict=True
    ):
        assert options[right] == latent != other
        assert len(set(options.tolist())) == OPTIONS
        assert other not in options
        assert min(options) >= 0 and max(options) < n
    again = draw_questions(n, number, seed)
    np.testing.assert_array_equal(asked.options, again.options)


def test_right_options_and_wrong_ones_are_drawn_evenly():
    asked = draw_questions(300, 300, 0)
    places = np.bincount(asked.right, minlength=OPTIONS)
    assert binomtest(int(places.max()), 300, 1 / OPTIONS).pvalue > 0.01
    wrong = np.bincount(asked.options.ravel(), minlength=300) - 1
    assert wrong.sum() == 4 * 300 and wrong.max() < 16
    assert sorted(asked.other) == sorted(asked.latent)


def test_five_latents_are_too_few():
    with pytest.raises(AnatomyError, match="5 latents fire, and a question needs 6"):
        draw_questions(5, 10, 0)


@pytest.mark.parametrize("left", [0, 1, 3])
def test_evidence_is_that_of_brute_force(left):
    generator = np.random.default_rng(left)
    activations = random_array((30, 12), density=0.15, rng=generator, format="csr")
    latents = generator.integers(0, 30, 25)
    left_out = generator.integers(0, 30, (25, left))
    found = evidence(activations, latents, left_out)
    dense, expected = activations.toarray(), []
    for question, latent in enumerate(latents):
        for meta_latent in np.flatnonzero(dense[latent]):
            weights = dense[:, meta_latent].copy()
            weights[left_out[question]] = 0
            if weights.any():
                expected.append((question, meta_latent, weights))
    assert found.question.tolist() == [question for question, _, _ in expected]
    assert found.meta_latent.tolist() == [meta_latent for _, meta_latent, _ in expected]
    np.testing.assert_allclose(found.weights.toarray(), [weights for _, _, weights in expected])
    assert found.count(25).sum() == len(expected)


def taken_apart(seed):
    """Activations of meta-latents, (LATENTS, META): `ACTIVE` random ones on each latent."""
    generator = np.random.default_rng(seed)
    places = np.stack([generator.permutation(META)[:ACTIVE] for _ in range(LATENTS)])
    rows = np.repeat(np.arange(LATENTS), ACTIVE)
    strength = generator.uniform(0.2, 1, rows.size)
    return csr_matrix((strength, (rows, places.ravel())), (LATENTS, META))


def shares(profiles, activations, left_out, seed, control=False):
    questions = draw_questions(LATENTS, LATENTS, seed)
    without = questions.options if left_out else none_for(questions)
    source = questions.other if control else questions.latent
    chosen = answer(profiles, evidence(activations, source, without), questions.options)
    assert (chosen >= 0).all()
    return int((chosen == questions.right).sum())


def of_chance(right):
    return binomtest(right, LATENTS, 1 / OPTIONS).pvalue > 0.001


@pytest.mark.parametrize("seed", range(3))
def test_what_only_the_latent_itself_knows_is_left_out(seed):
    """Every latent has a token of its own: with itself it is told, and without it there is chance."""
    profiles, activations = eye_array(LATENTS).tocsr(), taken_apart(seed)
    assert of_chance(shares(profiles, activations, True, seed))
    assert shares(profiles, activations, False, seed) == LATENTS


@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_option_does_not_tell_by_itself_either(seed):
    """Leaving out the asked latent alone would make a wrong option that shares a meta-latent the answer."""
    profiles, activations = eye_array(LATENTS).tocsr(), taken_apart(seed)
    questions = draw_questions(LATENTS, LATENTS, seed)
    found = evidence(activations, questions.latent, questions.latent[:, None])
    biased = int((answer(profiles, found, questions.options) == questions.right).sum())
    assert binomtest(biased, LATENTS, 1 / OPTIONS, alternative="less").pvalue < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_what_meta_latents_are_about_tells_the_latent(seed):
    """Every meta-latent has a token, which all its latents fire on."""
    activations = taken_apart(seed)
    scale = csr_matrix(activations.sum(axis=1)).power(-1)
    profiles = activations.multiply(scale).tocsr()
    assert shares(profiles, activations, True, seed) > 0.97 * LATENTS
    assert of_chance(shares(profiles, activations, True, seed, control=True))
    assert of_chance(shares(profiles, activations, False, seed, control=True))


def test_a_question_whose_meta_latents_have_no_other_latent_has_no_answer():
    activations = csr_matrix(np.eye(8))
    options = np.arange(5)[None]
    found = evidence(activations, np.array([2]), options)
    assert found.count(1).tolist() == [0]
    assert answer(eye_array(8).tocsr(), found, options).tolist() == [-1]
    told = evidence(activations, np.array([2]), np.empty((1, 0), dtype=int))
    assert answer(eye_array(8).tocsr(), told, options).tolist() == [2]


def test_meta_latents_of_a_question_count_alike_and_latents_by_activation():
    # Meta-latent 0 is on latents 0 (3) and 1 (1), meta-latent 1 on latent 2 alone.
    activations = csr_matrix([[3.0, 0], [1, 0], [0, 5], [1, 1], [0, 0], [0, 0]])
    profiles = csr_matrix(
        [[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.4, 0.1, 0.5], [0.25, 0.35, 0.4], [0.5, 0, 0.5]]
    )
    # The mean is (3/4, 1/4, 0) and (0, 0, 1): 0.375, 0.125, 0.5; nearest to latent 3, whose own share
    # of it, left out, changes nothing.
    options = np.array([[4, 3, 5]])
    found = evidence(activations, np.array([3]), options)
    assert answer(profiles, found, options).tolist() == [1]
