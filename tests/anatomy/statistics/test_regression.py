"""The streamed regression against scikit-learn and numpy in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from workflow_scripts.anatomy.base.blockwise import total
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.regression import Moments, Solver, moments


def data(n=400, d=7, q=3, seed=0, offset=0.0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, d)) @ generator.normal(size=(d, d)) + offset
    y = x @ generator.normal(size=(d, q)) + generator.normal(size=(n, q)) + 5
    return x, y


def in_blocks(x, y, size, threads=1):
    shift = torch.from_numpy(x[:size].mean(0))
    blocks = [slice(at, at + size) for at in range(0, len(x), size)]
    return total(
        lambda b: moments(torch.from_numpy(x[b]), shift, torch.from_numpy(y[b])),
        blocks,
        threads,
    )


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_equals_scikit_learn(intercept, offset):
    x, y = data(offset=offset)
    gathered = in_blocks(x, y, 64)
    fitted = Solver(gathered, intercept, "here").solve(gathered)
    reference = LinearRegression(fit_intercept=intercept).fit(x, y)
    np.testing.assert_allclose(fitted.weights.numpy().T, reference.coef_, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(
        fitted(torch.from_numpy(x)).numpy(), reference.predict(x), rtol=1e-8, atol=1e-6
    )


def test_dimensions_of_very_different_size():
    """Predictions do not depend on units, so the reference is fitted in even ones."""
    x, y = data()
    expected = LinearRegression().fit(x, y).predict(x)
    x = x * np.geomspace(1e-4, 1e4, x.shape[1])
    gathered = in_blocks(x, y, 50)
    fitted = Solver(gathered, True, "here").solve(gathered)
    np.testing.assert_allclose(fitted(torch.from_numpy(x)).numpy(), expected, rtol=1e-7, atol=1e-7)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(8, 400), threads=st.integers(1, 3))
def test_blocks_do_not_matter(size, threads):
    x, y = data()
    whole, parts = in_blocks(x, y, len(x)), in_blocks(x, y, size, threads)
    a, b = (Solver(m, True, "here").solve(m) for m in (whole, parts))
    np.testing.assert_allclose(a.weights.numpy(), b.weights.numpy(), rtol=1e-9, atol=1e-10)


def test_threads_give_the_same_bits():
    x, y = data()
    one, many = in_blocks(x, y, 33, threads=1), in_blocks(x, y, 33, threads=3)
    assert torch.equal(one.xx, many.xx)
    assert torch.equal(one.xy, many.xy)


def test_saved_and_loaded(tmp_path):
    x, y = data()
    gathered = in_blocks(x, y, 64)
    gathered.save(tmp_path / "moments.npz")
    loaded = Moments.load(tmp_path / "moments.npz")
    assert loaded.count == gathered.count
    assert torch.equal(loaded.xx, gathered.xx)
    assert torch.equal(loaded.shift, gathered.shift)


def test_condition_number_is_that_of_the_correlations():
    x, y = data()
    gathered = in_blocks(x, y, 64)
    expected = np.linalg.cond(np.corrcoef(x.T))
    assert Solver(gathered, True, "here").condition == pytest.approx(expected, rel=1e-8)


def test_too_few_tokens():
    x, y = data(n=7)
    with pytest.raises(AnatomyError, match="7 training tokens for 7 dimensions"):
        Solver(in_blocks(x, y, 7), True, "here")


def test_singular():
    x, y = data()
    x[:, 3] = x[:, 0] + x[:, 1]
    with pytest.raises(AnatomyError, match="singular"):
        Solver(in_blocks(x, y, 64), True, "here")
    x[:, 3] = 2.0
    with pytest.raises(AnatomyError, match=r"dimension 3 .* constant"):
        Solver(in_blocks(x, y, 64), True, "here")


def test_the_smallest_of_many_solutions():
    """With dependent regressors, minimum_norm gives numpy's pseudo-inverse on the scaled regressors."""
    x, y = data()
    x[:, 3] = x[:, 0] + x[:, 1]
    x[:, 5] = 2.0
    gathered = in_blocks(x, y, 64)
    fitted = Solver(gathered, True, "here", minimum_norm=True).solve(gathered)
    centred, scale = x - x.mean(0), np.where(np.ptp(x, 0) > 0, x.std(0), 1)
    expected = np.linalg.pinv(centred / scale, rcond=1e-10) @ (y - y.mean(0)) / scale[:, None]
    np.testing.assert_allclose(fitted.weights.numpy(), expected, rtol=1e-6, atol=1e-8)


def test_not_finite():
    x, y = data()
    x[100, 2] = np.nan
    with pytest.raises(AnatomyError, match="NaN or Inf"):
        Solver(in_blocks(x, y, 64), True, "here")
