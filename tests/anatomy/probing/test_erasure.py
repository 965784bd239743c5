"""Concept erasure: LEACE against concept-erasure itself, and probes that find nothing after it."""

import numpy as np
import pytest
import torch
from concept_erasure import LeaceEraser
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch.nn.functional import one_hot

from workflow_scripts.anatomy.probing.erasure import leace, mean_difference

N, D = 3000, 8


def planted(share=0.4, classes=2, seed=0):
    """x (N, D) float64 with correlated dimensions, and classes that some directions tell."""
    generator = torch.Generator().manual_seed(seed)
    p = [share, *[(1 - share) / (classes - 1)] * (classes - 1)]
    labels = torch.multinomial(torch.tensor(p), N, replacement=True, generator=generator)
    mix = torch.randn(D, D, generator=generator, dtype=torch.float64)
    means = torch.randn(classes, D, generator=generator, dtype=torch.float64)
    noise = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return noise @ mix + means[labels] + 2.0, labels


def in_blocks(x, labels, sizes=(700, 0, 1300, 1000)):
    yield from zip(x.split(sizes), labels.split(sizes), strict=True)


def auc(x, labels):
    """Of a logistic regression on the tokens that it was fitted to."""
    probe = LogisticRegression(C=1e6, max_iter=2000).fit(x.numpy(), labels.numpy())
    return roc_auc_score(labels.numpy(), probe.decision_function(x.numpy()))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("shrinkage", [True, False])
def test_leace_is_concept_erasures_own(classes, shrinkage):
    x, labels = planted(classes=classes)
    found = leace(in_blocks(x, labels), classes, shrinkage)
    theirs = LeaceEraser.fit(x, one_hot(labels, classes).double(), shrinkage=shrinkage)
    torch.testing.assert_close(found(x), theirs(x), rtol=1e-9, atol=1e-9)
    assert found.rank == classes - 1


def test_leace_is_the_closed_form():
    """Belrose et al. (2023), theorem 4.3: r = W+ P W (x - mean), P onto the span of W Sigma_xz."""
    x, labels = planted()
    z = one_hot(labels, 2).double()
    centred = x - x.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / (N - 1))
    root = vectors * values.sqrt() @ vectors.T
    whiten = vectors * values.rsqrt() @ vectors.T
    cross = whiten @ centred.T @ (z - z.mean(0))
    onto = cross @ torch.linalg.pinv(cross)
    expected = x - centred @ (root @ onto @ whiten).T
    found = leace(in_blocks(x, labels), 2, shrinkage=False)
    torch.testing.assert_close(found(x), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("share", [0.4, 0.004])
@pytest.mark.parametrize("fit", [leace, mean_difference])
def test_class_means_coincide_after_an_erasure_however_rare_a_class_is(fit, share):
    """Which is all that a linear probe could tell (theorem 3.1)."""
    x, labels = planted(share)
    erased = fit(in_blocks(x, labels), 2)(x)
    gap = erased[labels == 0].mean(0) - erased[labels == 1].mean(0)
    assert (x[labels == 0].mean(0) - x[labels == 1].mean(0)).norm() > 1
    assert gap.norm() < 1e-8
    torch.testing.assert_close(erased.mean(0), x.mean(0))


@pytest.mark.parametrize("share", [0.4, 0.02])
@pytest.mark.parametrize("fit", [leace, mean_difference])
def test_a_probe_is_at_chance_after_an_erasure(fit, share):
    x, labels = planted(share)
    assert auc(x, labels) > 0.65
    assert auc(fit(in_blocks(x, labels), 2)(x), labels) == pytest.approx(0.5, abs=0.03)


def test_leace_changes_the_activations_least():
    x, labels = planted()
    ways = [fit(in_blocks(x, labels), 2)(x) for fit in (leace, mean_difference)]
    least, other = (float(((way - x) ** 2).sum()) for way in ways)
    assert least < other


def test_a_difference_of_means_is_one_direction():
    x, labels = planted()
    found = mean_difference(in_blocks(x, labels), 2)
    direction = x[labels == 0].mean(0) - x[labels == 1].mean(0)
    direction = direction / direction.norm()
    centred = x - x.mean(0)
    expected = x - torch.outer(centred @ direction, direction)
    torch.testing.assert_close(found(x), expected, rtol=1e-10, atol=1e-10)


def test_blocks_of_another_size_give_the_same_erasure():
    x, labels = planted()
    for fit in (leace, mean_difference):
        whole = fit([(x, labels)], 2)(x)
        np.testing.assert_allclose(whole, fit(in_blocks(x, labels), 2)(x), rtol=1e-8, atol=1e-8)
