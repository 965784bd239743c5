"""Shares of reconstruction latents against loops over latents, and intervals against resampling."""

import numpy as np
import pytest
import torch

from workflow_scripts.papers.canonical_units.stitching.shares import Latents, reconstruction_shares


def planted(width, near=None, seed=0, dead=()):
    """Latents in five dimensions, some of them near another SAE's."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(width, 5)) * generator.uniform(0.2, 3, (width, 1))
    if near is not None:
        rows[: len(near)] = 2 * near + 0.1 * generator.normal(size=near.shape)
    fires = np.ones(width, bool)
    fires[list(dead)] = False
    return Latents(torch.tensor(rows).float(), fires)


def share(counted, other, threshold, firing):
    """Eq. 6, one latent at a time."""
    found, of = 0, 0
    for i, row in enumerate(counted.directions.double().numpy()):
        if firing and not counted.fires[i]:
            continue
        of += 1
        for j, candidate in enumerate(other.directions.double().numpy()):
            if firing and not other.fires[j]:
                continue
            cosine = row @ candidate / np.linalg.norm(row) / np.linalg.norm(candidate)
            if cosine >= threshold:
                found += 1
                break
    return found / of


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.95])
def test_shares_are_those_of_a_loop_both_ways(threshold):
    first = planted(12, dead=(0, 3, 7))
    near = first.directions.numpy()[[0, 1, 1, 2, 3]]
    second = planted(30, near, seed=1, dead=(1, 20, 21))
    of_second, of_first = reconstruction_shares(first, second, threshold)
    for found, counted, other in ((of_second, second, first), (of_first, first, second)):
        assert found.firing[0] == pytest.approx(share(counted, other, threshold, True))
        assert found.every[0] == pytest.approx(share(counted, other, threshold, False))
        assert found.firing[0] != found.every[0]
        assert all(low <= value <= high for value, low, high in found)


def test_an_saes_own_latents_are_all_there():
    sae = planted(9, dead=(2,))
    for found in reconstruction_shares(sae, sae, 0.99):
        assert found.firing == found.every == (1, 1, 1)


def test_intervals_are_those_of_resampled_latents():
    first = planted(40)
    second = planted(60, first.directions.numpy()[:25], seed=1)
    found, _ = reconstruction_shares(first, second, 0.9)
    value, low, high = found.firing
    has = np.arange(60) < round(value * 60)
    generator = np.random.default_rng(0)
    drawn = [generator.choice(has, 60).mean() for _ in range(20_000)]
    np.testing.assert_allclose((low, high), np.quantile(drawn, (0.025, 0.975)), atol=1.01 / 60)
    assert 0 < low < value < high < 1


def test_dead_saes_have_no_share():
    dead, alive = planted(3, dead=(0, 1, 2)), planted(4, seed=1)
    of_alive, of_dead = reconstruction_shares(dead, alive, 0.5)
    assert np.isnan(of_dead.firing).all()
    assert of_alive.firing == (0, 0, 0)
    assert not np.isnan(of_dead.every).any()
