"""Figure 9b against scikit-learn, all tokens in memory."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from tests.conftest import correlated, plant_harvest, random_dictionary
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.statistics.regression import LinearMap
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.cross_prediction import TARGETS, cross_prediction

FEEDS, SITE = "blocks.0.hook_mlp_out", "blocks.1.hook_resid_post"
C, T = 40, 12


@pytest.fixture
def store(tmp_path):
    """The site is what feeds it, mixed, and something else."""
    fed = correlated(C, T, 5, seed=1)
    mix = np.random.default_rng(2).normal(size=(5, 6))
    x = {FEEDS: fed, SITE: fed @ mix + correlated(C, T, 6, seed=3)}
    return plant_harvest(tmp_path / "h.zarr", x, min_position=2)


def subject(tmp_path, store, site, split, threads=1, **kwargs):
    d = store.width(site)
    dictionary = random_dictionary(d, 3 * d, seed=d, **kwargs)
    path = tmp_path / f"{site}.codes.zarr"
    reconstruct(dictionary, store, site, path)
    return SaeOnHarvest(dictionary, open_codes(path), store, split, threads=threads)


def tokens(each):
    """Activations and reconstructions of a subject, both (n, d) in float64."""
    x = torch.from_numpy(each.store.activations(each.site)[:]).flatten(0, 1)
    return x.double().numpy(), each.dictionary.reconstruct(x)[1].double().numpy()


def by_hand(source, target, linear):
    train, test = (mask.ravel() for mask in target.split.masks(slice(0, C), T))
    _, regressor = tokens(source)
    x, reconstruction = tokens(target)
    error = x - reconstruction
    linear_error = x @ linear.weights.numpy() + linear.intercept.numpy()
    expected = {}
    parts = (error, linear_error, error - linear_error)
    for name, part in zip(TARGETS, parts, strict=True):
        model = LinearRegression().fit(regressor[train], part[train])
        predicted = model.predict(regressor[test])
        expected[name] = r2_score(part[test], predicted, multioutput="uniform_average")
    return expected


def fitted_map(target):
    """b* of the target by scikit-learn."""
    train, _ = (mask.ravel() for mask in target.split.masks(slice(0, C), T))
    x, reconstruction = tokens(target)
    model = LinearRegression().fit(x[train], (x - reconstruction)[train])
    return LinearMap(*(torch.from_numpy(part) for part in (model.coef_.T, model.intercept_)))


@pytest.mark.parametrize(
    ("kind", "blocks", "feeds"),
    [("context", 1, FEEDS), ("context", 6, SITE), ("paper", 6, FEEDS)],
)
def test_equals_scikit_learn(tmp_path, store, monkeypatch, kind, blocks, feeds):
    step = -(-C // blocks)
    slices = [slice(at, min(at + step, C)) for at in range(0, C, step)]
    monkeypatch.setattr(type(store), "block_slices", lambda *_: slices)
    split = Split(kind, 0.6, 3, store.min_position)
    target = subject(tmp_path, store, SITE, split)
    source = target if feeds == SITE else subject(tmp_path, store, FEEDS, split, threads=2)
    linear = fitted_map(target)
    found = list(cross_prediction(source, target, linear, 100, 0))
    assert [name for name, *_ in found] == list(TARGETS)
    expected = by_hand(source, target, linear)
    for name, (value, low, high) in found:
        assert value == pytest.approx(expected[name], rel=1e-6)
        assert low < value < high


def test_centred_and_scaled_dictionaries(tmp_path, store):
    split = Split("context", 0.6, 3, store.min_position)
    target = subject(tmp_path, store, SITE, split, center=True)
    source = subject(tmp_path, store, FEEDS, split, input_scale=2.0)
    linear = fitted_map(target)
    found = {name: value for name, (value, *_) in cross_prediction(source, target, linear, 100, 0)}
    assert found == pytest.approx(by_hand(source, target, linear), rel=1e-6)


def test_a_source_that_never_fires_predicts_the_mean(tmp_path, store):
    split = Split("context", 0.6, 3, store.min_position)
    target = subject(tmp_path, store, SITE, split)
    silent = subject(tmp_path, store, FEEDS, split, b_enc=torch.full((15,), -1e6))
    for _, (r2, *_) in cross_prediction(silent, target, fitted_map(target), 100, 0):
        assert -0.1 < r2 <= 0
