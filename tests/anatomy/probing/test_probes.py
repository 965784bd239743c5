"""Probes against plain scikit-learn in float64, and what they are chosen by."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workflow_scripts.anatomy.probing.examples import Problem
from workflow_scripts.anatomy.probing.probes import FOLDS, STRENGTHS, fit_probe
from workflow_scripts.anatomy.probing.sparse_probes import (
    correct_by_group,
    ranked_latents,
    single_losses,
    sparse_probe,
)

N, WIDTH = 400, 30


def planted(seed=0):
    """Sparse non-negative codes, of which a few tell the class, in documents that differ."""
    rng = np.random.default_rng(seed)
    positive = rng.random(N) < 0.5
    documents = rng.integers(0, 40, N)
    shift = rng.normal(size=(40, WIDTH))[documents]
    codes = rng.normal(size=(N, WIDTH)) + 0.4 * shift - 0.5
    codes[:, 3] += 1.2 * positive
    codes[:, 7] -= 0.8 * positive
    codes[:, 11] += 0.5 * positive
    codes[:, 5] *= 8
    return np.maximum(codes, 0).astype(np.float32), positive, documents


def reference(x, positive, documents):
    """The same by scikit-learn's own pipeline and search."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    search = GridSearchCV(
        pipeline,
        {"logisticregression__C": STRENGTHS},
        cv=GroupKFold(FOLDS),
        scoring="neg_log_loss",
    )
    return search.fit(x.astype(np.float64), positive, groups=documents)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_probe_is_scikit_learns(seed):
    x, positive, documents = planted(seed)
    train = documents < 28
    probe = fit_probe(x[train], positive[train], documents[train])
    expected = reference(x[train], positive[train], documents[train])
    assert probe.strength == expected.best_params_["logisticregression__C"]
    scores = expected.decision_function(x[~train].astype(np.float64))
    np.testing.assert_allclose(probe.scores(x[~train]), scores, rtol=1e-6, atol=1e-8)
    right = correct_by_group(probe.scores(x[~train]), positive[~train], documents[~train] - 28, 12)
    accuracy = accuracy_score(positive[~train], expected.predict(x[~train].astype(np.float64)))
    assert right.sum() / (~train).sum() == accuracy
    for document in range(28, 40):
        mine = documents[~train] == document
        for c, each in enumerate(right[document - 28]):
            of = mine & (positive[~train] == c)
            assert each == ((scores[of] > 0) == c).sum()


def test_folds_are_of_whole_documents():
    """Labels that documents give away are learnt in each fold, and are worth nothing in the others."""
    rng = np.random.default_rng(0)
    documents = np.repeat(np.arange(20), 10)
    x = np.eye(20)[documents] + 0.01 * rng.normal(size=(200, 20))
    positive = (documents % 2).astype(bool)
    assert fit_probe(x, positive, documents).strength == min(STRENGTHS)
    assert fit_probe(x, positive, np.arange(200)).strength == max(STRENGTHS)


def test_a_feature_that_is_the_same_everywhere_does_no_harm():
    x, positive, documents = planted()
    constant = np.concatenate([x, np.full((N, 1), 0.1, np.float32)], 1)
    probe, expected = (fit_probe(each, positive, documents) for each in (constant, x))
    np.testing.assert_allclose(probe.weights[:-1], expected.weights, rtol=1e-4, atol=1e-6)
    assert np.isfinite(probe.weights).all()


@pytest.mark.parametrize("documents", [np.zeros(60, int), np.arange(60) % 2])
def test_too_few_documents_for_folds(documents):
    x, _, _ = planted()
    # With two documents of one class each, no fold has both classes to train on.
    probe = fit_probe(x[:60], np.arange(60) % 2 == 0, documents)
    assert probe.strength == 1.0 and np.isfinite(probe.weights).all()


def test_latents_by_the_difference_of_class_means():
    x, positive, _ = planted()
    difference = np.abs(x[positive].mean(0, np.float64) - x[~positive].mean(0, np.float64))
    ranked = ranked_latents(csr_matrix(x), positive, "mean_difference")
    assert (ranked == np.argsort(-difference)).all()


def test_latents_by_loss():
    x, positive, _ = planted()
    x[:, 9] = 0
    losses = single_losses(csr_matrix(x), positive)
    for latent in range(WIDTH):
        z = x[:, [latent]].astype(np.float64)
        model = LogisticRegression(C=1e6, max_iter=1000).fit(z / max(z.std(), 1e-9), positive)
        expected = log_loss(positive, model.predict_proba(z / max(z.std(), 1e-9))[:, 1])
        assert losses[latent] == pytest.approx(expected, rel=1e-3)
    ranked = ranked_latents(csr_matrix(x), positive, "loss")
    assert (ranked == np.argsort(losses, kind="stable")).all()
    assert ranked[0] == 3


def test_a_latent_that_tells_all_has_a_finite_loss():
    positive = np.arange(100) % 2 == 0
    losses = single_losses(csr_matrix(positive[:, None] * np.float32(3)), positive)
    assert np.isfinite(losses).all() and losses[0] < 0.05


@pytest.mark.parametrize("selection", ["mean_difference", "loss"])
@pytest.mark.parametrize("k", [1, 5, 50])
def test_nothing_is_chosen_or_fitted_on_test_documents(selection, k):
    x, positive, documents = planted()
    codes, train = csr_matrix(x), documents < 28
    rows = np.arange(0, N, 2)
    mine = positive[rows]
    shuffled = mine.copy()
    test = ~train[rows]
    shuffled[test] = np.random.default_rng(1).permutation(mine[test])
    assert (shuffled != mine).any()
    others = x.copy()
    others[~train] = others[~train][:, ::-1]
    found = [
        sparse_probe(each, Problem("d", "c", "d", rows, labels), documents, train, k, selection)
        for each, labels in ((codes, mine), (codes, shuffled), (csr_matrix(others), mine))
    ]
    for latents, probe in found[1:]:
        assert (latents == found[0][0]).all()
        assert (probe.weights == found[0][1].weights).all()
        assert probe.intercept == found[0][1].intercept
    latents, probe = found[0]
    assert len(latents) == len(probe.weights) == min(k, WIDTH)


def test_a_sparse_probe_is_scikit_learns_on_its_latents():
    x, positive, documents = planted()
    train = documents < 28
    problem = Problem("d", "c", "d", np.arange(N), positive)
    latents, probe = sparse_probe(csr_matrix(x), problem, documents, train, 4, "mean_difference")
    expected = reference(x[train][:, latents], positive[train], documents[train])
    scores = expected.decision_function(x[~train][:, latents].astype(np.float64))
    np.testing.assert_allclose(probe.scores(x[~train][:, latents]), scores, rtol=1e-5, atol=1e-7)
