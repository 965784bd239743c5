"""Principal and independent components against scikit-learn's, and what makes them complete dictionaries."""

import numpy as np
import pytest
from sklearn.decomposition import PCA, FastICA

from workflow_scripts.anatomy.statistics.components import (
    independent_components,
    load_components,
    principal_components,
    save_components,
)

D = 6


@pytest.fixture(scope="module")
def x():
    """Sparse sources in unequal, correlated directions, and a mean."""
    generator = np.random.default_rng(0)
    sources = generator.laplace(size=(4000, D)) * (generator.random((4000, D)) < 0.4)
    return sources @ (generator.normal(size=(D, D)) * np.geomspace(4, 0.2, D)[:, None]) + 3.0


def fitted(x):
    covariance = np.cov(x.T, bias=True)
    return {
        "pca": principal_components(x.mean(0), covariance),
        "ica": independent_components(x, D, seed=3),
    }


def test_principal_components_are_scikit_learns_but_for_their_sign(x):
    found, theirs = fitted(x)["pca"], PCA().fit(x)
    sign = np.sign((found.readers * theirs.components_).sum(1))
    np.testing.assert_allclose(found.readers, theirs.components_ * sign[:, None], atol=1e-10)
    np.testing.assert_allclose(found.scores(x), theirs.transform(x) * sign, atol=1e-9)
    assert (found.readers[np.arange(D), np.abs(found.readers).argmax(1)] > 0).all()


def test_independent_components_are_scikit_learns_in_another_order(x):
    found = fitted(x)["ica"]
    theirs = FastICA(
        D, whiten="unit-variance", whiten_solver="eigh", max_iter=500, random_state=3
    ).fit(x)
    correlation = np.corrcoef(found.scores(x).T, theirs.transform(x).T)[:D, D:]
    order = np.abs(correlation).argmax(1)
    assert sorted(order) == list(range(D))
    np.testing.assert_allclose(found.scores(x), theirs.transform(x)[:, order], atol=1e-9)


def test_independent_components_find_planted_sources(x):
    """What they are there for: sources that are independent and not Gaussian."""
    generator = np.random.default_rng(0)
    sources = generator.laplace(size=(4000, D)) * (generator.random((4000, D)) < 0.4)
    correlation = np.abs(np.corrcoef(fitted(x)["ica"].scores(x).T, sources.T)[:D, D:])
    assert correlation.max(1).min() > 0.97
    assert len(set(correlation.argmax(1))) == D


@pytest.mark.parametrize("method", ["pca", "ica"])
def test_all_components_together_are_the_activation(x, method):
    found = fitted(x)[method]
    np.testing.assert_allclose(found.mean + found.scores(x) @ found.directions, x, atol=1e-9)
    added = (found.scores(x) ** 2).mean(0) * (found.directions**2).sum(1)
    assert (np.diff(added) <= 1e-9).all()
    assert added.sum() == pytest.approx(x.var(0).sum())


def test_a_dimension_that_is_a_sum_of_others_has_no_component(x):
    flat = np.concatenate([x, x[:, :1] + x[:, 1:2]], 1)
    found = principal_components(flat.mean(0), np.cov(flat.T, bias=True))
    assert found.readers.shape == (D, D + 1)


def test_components_are_read_as_they_were_written(x, tmp_path):
    before = fitted(x)
    save_components(tmp_path / "components.npz", before)
    after = load_components(tmp_path / "components.npz")
    assert list(after) == ["pca", "ica"]
    for method, found in before.items():
        for part in ("mean", "readers", "directions"):
            np.testing.assert_array_equal(getattr(after[method], part), getattr(found, part))
