"""Squared error over that of predicting the mean, against numpy on all tokens at once."""

import numpy as np
import pytest
import torch

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from workflow_scripts.anatomy.activations.sums import activation_sums, mean_activation
from workflow_scripts.anatomy.codes.normalised_error import error_sums, held_out_fvu, mse, nmse
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.anatomy.statistics.units import N_GROUPS

T, FIRST, D = 12, 2, 6


@pytest.fixture(scope="module", params=[40, N_GROUPS + 44])
def planted(request, tmp_path_factory):
    """A harvest of as many contexts as groups, or more; codes on it; x and Sae(x) in float64."""
    folder = tmp_path_factory.mktemp("harvest")
    x = 30 + correlated(request.param, T, D).astype(np.float32)
    store = write_activations(folder / "harvest.zarr", x, min_position=FIRST)
    sae = random_dictionary(D, 20)
    reconstruct(sae, store, SITE, folder / "codes.zarr")
    _, built = sae.reconstruct(torch.from_numpy(x).reshape(-1, D))
    used = [part[:, FIRST:].astype(np.float64) for part in (x, built.numpy().reshape(x.shape))]
    return store, open_codes(folder / "codes.zarr"), *used


def test_the_mean_is_that_of_the_analysed_tokens(planted):
    store, _, x, _ = planted
    np.testing.assert_allclose(mean_activation(store, SITE), x.mean((0, 1)), rtol=1e-12)


def test_nmse_and_mse(planted):
    store, codes, x, built = planted
    sums = activation_sums(store, SITE) | error_sums(codes)
    error = ((x - built) ** 2).sum()
    value, low, high = document_interval(nmse, sums, 200, 0)
    assert value == pytest.approx(error / ((x - x.mean((0, 1))) ** 2).sum(), rel=1e-5)
    assert value == pytest.approx(codes.summary["fvu"], rel=1e-5)
    assert low < value < high
    tokens = x.shape[0] * x.shape[1]
    value, low, high = document_interval(mse, error_sums(codes), 200, 0)
    assert value == pytest.approx(error / tokens, rel=1e-5)
    assert value == pytest.approx(codes.summary["mse"], rel=1e-9)
    assert low < value < high


def test_resampled_contexts_have_a_mean_of_their_own(planted):
    """The interval is that of NMSE computed on the contexts that were drawn, with their mean."""
    store, codes, x, built = planted
    groups = min(len(x), N_GROUPS)
    member = np.arange(len(x)) * groups // len(x)
    sums = activation_sums(store, SITE) | error_sums(codes)
    found = document_interval(nmse, sums, 100, 3)
    weights = np.random.default_rng(3).multinomial(groups, np.full(groups, 1 / groups), size=100)
    drawn = []
    for counts in weights:
        picked = np.concatenate(
            [np.flatnonzero(member == g) for g in np.repeat(range(groups), counts)]
        )
        some, rebuilt = x[picked], built[picked]
        drawn.append(((some - rebuilt) ** 2).sum() / ((some - some.mean((0, 1))) ** 2).sum())
    np.testing.assert_allclose(found[1:], np.quantile(drawn, (0.025, 0.975)), rtol=1e-5)


def test_predicting_the_mean_is_an_nmse_of_one(planted):
    store, _, x, _ = planted
    sums = activation_sums(store, SITE)
    residual2 = ((x - x.mean((0, 1))) ** 2).sum((1, 2))
    groups = np.arange(len(x)) * len(sums["count"]) // len(x)
    of_groups = np.bincount(groups, residual2)[:, None]
    value, *_ = document_interval(nmse, sums | {"residual2": of_groups}, 100, 0)
    assert value == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("kind", ["context", "paper"])
def test_held_out_tokens_are_judged_by_their_own_variance(planted, kind):
    store, codes, x, built = planted
    split = Split(kind, 0.6, 5, FIRST)
    _, held_out = split.masks(slice(0, len(x)), T)
    held_out = held_out[:, FIRST:]
    some, rebuilt = x[held_out], built[held_out]
    expected = ((some - rebuilt) ** 2).sum() / ((some - some.mean(0)) ** 2).sum()
    value, low, high = held_out_fvu(store, codes, split, 200, 0)
    assert value == pytest.approx(expected, rel=1e-5)
    assert low < value < high
    assert value != pytest.approx(codes.summary["fvu"], rel=1e-4)
