"""The two components of an error, computed as they are read."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.linear_model import LinearRegression

from tests.conftest import SITE, correlated, plant_harvest, random_dictionary
from workflow_scripts.anatomy.activations.batches import shuffled_batches
from workflow_scripts.anatomy.activations.store import read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.decomposition.error_store import COMPONENTS, error_store
from workflow_scripts.anatomy.statistics.error_map import load_error_map
from workflow_scripts.anatomy.statistics.regression import LinearMap

OTHER = "blocks.0.hook_mlp_out"
C, T, D = 23, 7, 6


@pytest.fixture
def store(tmp_path):
    x = {SITE: correlated(C, T, D), OTHER: correlated(C, T, 4, seed=1)}
    return plant_harvest(tmp_path / "h.zarr", x, min_position=2)


@pytest.fixture
def linear():
    generator = np.random.default_rng(2)
    parts = generator.normal(size=(D, D)), generator.normal(size=D)
    return LinearMap(*(torch.from_numpy(part) for part in parts))


def views(store, dictionary, linear):
    return {name: error_store(store, SITE, dictionary, linear, name) for name in COMPONENTS}


def flat(store):
    return store.activations(SITE)[:].reshape(-1, D)


@pytest.mark.parametrize("kwargs", [{}, {"center": True}, {"input_scale": 2.0}])
def test_the_components_of_every_token_add_up_to_its_error(store, linear, kwargs):
    dictionary = random_dictionary(D, 18, **kwargs)
    x = flat(store)
    _, reconstruction = dictionary.reconstruct(torch.from_numpy(x))
    error = x.astype(np.float64) - reconstruction.double().numpy()
    predicted = x.astype(np.float64) @ linear.weights.numpy() + linear.intercept.numpy()
    expected = {"linear_error": predicted, "nonlinear_error": error - predicted}
    parts = {}
    for name, view in views(store, dictionary, linear).items():
        parts[name] = view.activations(SITE)[:]
        assert parts[name].shape == (C, T, D)
        assert parts[name].dtype == np.float32
        np.testing.assert_allclose(parts[name].reshape(-1, D), expected[name], rtol=1e-5, atol=1e-5)
    both = parts["linear_error"].astype(np.float64) + parts["nonlinear_error"]
    np.testing.assert_allclose(both.reshape(-1, D), error, atol=1e-5)


def test_with_the_fitted_map_the_linear_error_is_the_regressions(store):
    dictionary = random_dictionary(D, 18)
    x = flat(store).astype(np.float64)
    _, reconstruction = dictionary.reconstruct(torch.from_numpy(flat(store)))
    model = LinearRegression().fit(x, x - reconstruction.double().numpy())
    fitted = LinearMap(torch.from_numpy(model.coef_.T), torch.from_numpy(model.intercept_))
    found = {
        name: view.activations(SITE)[:].reshape(-1, D).astype(np.float64)
        for name, view in views(store, dictionary, fitted).items()
    }
    np.testing.assert_allclose(found["linear_error"], model.predict(x), rtol=1e-5, atol=1e-6)
    # Residuals of a regression have no mean and no covariance with what they were fitted on.
    np.testing.assert_allclose(found["nonlinear_error"].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(x.T @ found["nonlinear_error"] / len(x), 0, atol=1e-5)


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_view_reads_like_a_stored_array(store, linear, component):
    view = error_store(store, SITE, random_dictionary(D, 18), linear, component)
    array = view.activations(SITE)
    whole = array[:]
    assert array.shape == whole.shape == store.activations(SITE).shape
    for contexts in (slice(0, 5), slice(4, 4), slice(20, 100), slice(None, 3), slice(-2, None)):
        np.testing.assert_allclose(array[contexts], whole[contexts], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(read(array, slice(3, 6), view.path), array[3:6])
    blocks = list(view.blocks(SITE, rows=40))
    assert [contexts for contexts, _ in blocks] == store.block_slices(40)
    np.testing.assert_allclose(
        np.concatenate([block for _, block in blocks]), whole, rtol=1e-5, atol=1e-6
    )
    assert view.width(SITE) == D
    assert (view.shape, view.min_position) == (store.shape, 2)
    assert view.hook_points == store.hook_points


@pytest.mark.parametrize("component", COMPONENTS)
def test_batches_are_the_tokens_of_the_component(store, linear, component):
    view = error_store(store, SITE, random_dictionary(D, 18), linear, component)
    tokens = C * (T - 2)
    rows = next(shuffled_batches(view, SITE, tokens, seed=0))
    expected = view.activations(SITE)[:][:, 2:].reshape(-1, D)
    distances = cdist(rows, expected)
    assert sorted(distances.argmin(1)) == list(range(tokens)), "every token once"
    np.testing.assert_allclose(distances.min(1), 0, atol=1e-5)
    assert (distances.argmin(1) != np.arange(tokens)).any(), "and in another order"


def test_other_hook_points_are_as_they_were(store, linear):
    view = error_store(store, SITE, random_dictionary(D, 18), linear, "linear_error")
    np.testing.assert_array_equal(view.activations(OTHER)[:], store.activations(OTHER)[:])
    assert view.width(OTHER) == 4
    np.testing.assert_array_equal(view.group["tokens"][:], store.group["tokens"][:])
    with pytest.raises(AnatomyError, match=r"no activations of blocks\.7\.hook_mlp_out"):
        view.activations("blocks.7.hook_mlp_out")


def test_a_site_that_the_harvest_lacks(store, linear):
    with pytest.raises(AnatomyError, match="no activations of nowhere"):
        error_store(store, "nowhere", random_dictionary(D, 18), linear, "linear_error")


def test_two_components_are_two_harvests(store, linear):
    """A checkpoint of an SAE trained on one must not be taken up for the other."""
    of_two = views(store, random_dictionary(D, 18), linear)
    again = views(store, random_dictionary(D, 18), linear)
    other = views(store, random_dictionary(D, 18, seed=1), linear)
    moved = views(store, random_dictionary(D, 18), LinearMap(linear.weights, linear.intercept + 1))
    prints = [view.fingerprint for found in (of_two, other, moved) for view in found.values()]
    assert len({store.fingerprint, *prints}) == 7
    assert [view.fingerprint for view in again.values()] == prints[:2]


def test_a_damaged_harvest_is_named(store, linear):
    shard = next(
        p for p in sorted((store.path / "activations" / SITE / "c").rglob("*")) if p.is_file()
    )
    shard.write_bytes(shard.read_bytes()[:-7])
    view = error_store(store, SITE, random_dictionary(D, 18), linear, "nonlinear_error")
    with pytest.raises(AnatomyError, match=r"h\.zarr: .* rebuilt"):
        read(view.activations(SITE), slice(0, C), view.path)


def test_the_map_comes_back_from_its_file(tmp_path, linear):
    np.savez(tmp_path / "maps.npz", weights=linear.weights, intercept=linear.intercept, probe=[1.0])
    found = load_error_map(tmp_path / "maps.npz")
    assert torch.equal(found.weights, linear.weights)
    assert torch.equal(found.intercept, linear.intercept)
    assert found.weights.dtype == torch.float64
