"""The decomposition of one SAE's error against scikit-learn in float64, all tokens in memory."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from workflow_scripts.anatomy.base.tables import VECTORS
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.decomposition.decomposition import (
    apply_error_map,
    error_map,
    norm_probes,
    scores,
    site_moments,
)
from workflow_scripts.anatomy.statistics.regression import Solver
from workflow_scripts.anatomy.statistics.splits import Split


def dissect(tmp_path, store, dictionary, split, threads=1):
    import zarr

    path = tmp_path / f"{dictionary.name}-{split.kind}.codes.zarr"
    reconstruct(dictionary, store, SITE, path)
    sae = SaeOnHarvest(dictionary, open_codes(path), store, split, threads=threads)
    xx = site_moments(store, SITE, split, threads=threads)
    solver = Solver(xx, True, "here")
    linear = error_map(sae, solver, xx)
    norms2 = zarr.create_array(
        {}, shape=(*store.shape, len(VECTORS)), chunks=(16, store.shape[1], 5), dtype="float64"
    )
    sums = apply_error_map(sae, linear, xx, norms2)
    norms = norm_probes(sae, solver, sums["cross"], norms2)
    found = {name: tuple(estimate) for name, estimate in scores(sums["held_out"], norms, 200, 0)}
    return found, linear, norms2[:]


def by_hand(store, dictionary, split):
    """Every number of the decomposition, straight from the arrays, by scikit-learn."""
    x = store.activations(SITE)[:]
    train, test = (mask.ravel() for mask in split.masks(slice(0, len(x)), x.shape[1]))
    x = x.reshape(-1, x.shape[2])
    _, reconstruction = dictionary.reconstruct(torch.from_numpy(x))
    x, reconstruction = x.astype(np.float64), reconstruction.numpy().astype(np.float64)
    error = x - reconstruction
    linear = LinearRegression().fit(x[train], error[train])
    linear_error = linear.predict(x)
    nonlinear_error = error - linear_error
    total = ((x[test] - x[test].mean(0)) ** 2).sum()
    expected = {
        "fvu": (error[test] ** 2).sum() / total,
        "error_r2": r2_score(error[test], linear_error[test], multioutput="uniform_average"),
        "fvu_nonlinear": (nonlinear_error[test] ** 2).sum() / total,
        "norm_ratio": np.linalg.norm(reconstruction[test], axis=1).sum()
        / np.linalg.norm(x[test], axis=1).sum(),
        "cosine": np.mean(
            (linear_error * x).sum(1)[test]
            / np.linalg.norm(linear_error[test], axis=1)
            / np.linalg.norm(x[test], axis=1)
        ),
    }
    vectors = (x, reconstruction, error, linear_error, nonlinear_error)
    for name, vector in zip(VECTORS, vectors, strict=True):
        target = (vector**2).sum(1)
        probe = LinearRegression().fit(x[train], target[train])
        expected[f"norm_r2_{name}"] = r2_score(target[test], probe.predict(x[test]))
    return expected, linear, np.stack([(v**2).sum(1) for v in vectors], 1)


@pytest.mark.parametrize("kind", ["context", "paper"])
def test_equals_scikit_learn(tmp_path, planted_store, kind):
    split = Split(kind, 0.6, seed=3, min_position=planted_store.min_position)
    dictionary = random_dictionary(6, 18)
    found, linear, norms2 = dissect(tmp_path, planted_store, dictionary, split)
    expected, reference, expected_norms2 = by_hand(planted_store, dictionary, split)
    assert {name: value[0] for name, value in found.items()} == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(linear.weights.numpy().T, reference.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norms2.reshape(-1, 5), expected_norms2, rtol=1e-4, atol=1e-6)


def test_intervals_hold_their_value(tmp_path, planted_store):
    split = Split("context", 0.6, seed=3, min_position=2)
    found, _, _ = dissect(tmp_path, planted_store, random_dictionary(6, 18), split)
    for name, (value, low, high) in found.items():
        assert low < high, name
        assert low <= value <= high, name


def test_many_contexts_share_groups(tmp_path):
    """With more contexts than groups the numbers stay; only the intervals are coarser."""
    store = write_activations(tmp_path / "many.zarr", correlated(700, 4, 3))
    split = Split("context", 0.5, seed=0, min_position=0)
    dictionary = random_dictionary(3, 8)
    found, _, _ = dissect(tmp_path, store, dictionary, split, threads=2)
    expected, _, _ = by_hand(store, dictionary, split)
    assert {name: value[0] for name, value in found.items()} == pytest.approx(expected, rel=1e-5)


def test_a_linear_error_is_linear(tmp_path, planted_store):
    """A dictionary that never fires leaves x - b_dec, which is linear in x to the last digit."""
    dictionary = random_dictionary(6, 18, b_enc=torch.full((18,), -1e6))
    split = Split("context", 0.6, seed=3, min_position=2)
    found, _, _ = dissect(tmp_path, planted_store, dictionary, split)
    assert found["error_r2"][0] == pytest.approx(1, abs=1e-9)
    assert found["fvu_nonlinear"][0] == pytest.approx(0, abs=1e-9)
    assert found["cosine"][0] > 0.5
