"""All latents' changes out of one pass, against building every stitched SAE."""

import numpy as np
import pytest

from tests.conftest import SITE, correlated, write_activations
from tests.papers.canonical_units.stitching_worlds import (
    CONTEXTS,
    VARIANTS,
    WIDTHS,
    brute_force,
    dense,
    planted_dictionaries,
    planted_pair,
    target,
)
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.papers.canonical_units.stitching import products as module
from workflow_scripts.papers.canonical_units.stitching.activation_similarity import (
    activation_cosine,
    activation_products,
    chosen_pairs,
    r2_with,
)
from workflow_scripts.papers.canonical_units.stitching.biases import bias_of
from workflow_scripts.papers.canonical_units.stitching.insertion import insertions
from workflow_scripts.papers.canonical_units.stitching.novelty import firing
from workflow_scripts.papers.canonical_units.stitching.pair import Pair, consecutive


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=VARIANTS)
def pair(request, tmp_path_factory):
    return planted_pair(tmp_path_factory.mktemp("pair"), **request.param)


def test_one_pass_gives_what_adding_each_latent_alone_gives(pair, monkeypatch):
    fires, nothing = pair.small.fires, np.zeros(WIDTHS[1], bool)
    before, _ = brute_force(pair, fires, nothing)
    expected = np.empty((CONTEXTS, WIDTHS[1]))
    for latent in range(WIDTHS[1]):
        after, _ = brute_force(pair, fires, np.arange(WIDTHS[1]) == latent)
        expected[:, latent] = (after - before).sum(1)
    assert (expected.sum(0) < 0).any() and (expected.sum(0) > 0).any()
    for entries in (module.ENTRIES, 20):
        monkeypatch.setattr(module, "ENTRIES", entries)
        found = insertions(pair)
        np.testing.assert_allclose(found.change, expected, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.change.sum(0), expected.sum(0), rtol=1e-8)
        np.testing.assert_allclose(found.error2, before.sum(1))
        assert (found.count == before.shape[1]).all()


def test_a_latent_without_the_blend_of_biases(pair):
    """What it changes where the bias stays blended: the residual is b_0 + c (b_1 - b_0) short of x."""
    found, share = insertions(pair), 1 / (pair.small.fires.sum() + 1)
    blended, silent = np.zeros((CONTEXTS, WIDTHS[1])), np.zeros(CONTEXTS)
    for block in pair.blocks("test"):
        residual = (block.residual - share * pair.bias_difference).numpy()
        silent += np.bincount(block.groups, (residual**2).sum(1), minlength=CONTEXTS)
        codes = block.large.toarray().astype(np.float64) / pair.large.scale
        for latent, row in enumerate(pair.large.directions.double().numpy()):
            left = residual - codes[:, [latent]] * row
            errors = np.bincount(block.groups, (left**2).sum(1), minlength=CONTEXTS)
            blended[:, latent] += errors
    expected = blended - silent[:, None]
    np.testing.assert_allclose(found.latent_change, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.blend, silent - found.error2, rtol=1e-6, atol=1e-8)


def test_the_error_is_that_of_the_codes_store(pair):
    found = insertions(pair)
    mse = found.error2.sum() / found.count.sum()
    np.testing.assert_allclose(mse, pair.small.codes.summary["mse"], rtol=1e-5)


def test_errors_where_a_latent_fires(pair):
    latents = np.array([1, 7, 12])
    found = firing(pair.small, pair.large, latents)
    errors = [
        half.codes.scalar("error_norm2")[:, pair.activations.min_position :]
        for half in (pair.small, pair.large)
    ]
    active = (dense(pair.large)[:, latents] > 0).reshape(CONTEXTS, -1, 3)
    np.testing.assert_allclose(found.count, active.sum(1))
    for name, error in zip(("small", "large"), errors, strict=True):
        expected = (active * error[..., None]).sum(1)
        np.testing.assert_allclose(getattr(found, f"error2_{name}"), expected)
        np.testing.assert_allclose(getattr(found, f"all_error2_{name}"), error.sum(1))
    assert (found.all_count == active.shape[1]).all()


def test_activations_of_pairs_of_latents(pair):
    small, large, cosines = chosen_pairs(pair.small, pair.large, 0.7, 100, 0)
    high = cosines >= 0.7
    assert {(0, 0), (2, 2), (2, 3), (4, 5)} <= set(zip(small[high], large[high], strict=True))
    assert 0 < (~high).sum() <= 100
    sums = activation_products(pair.small, pair.large, (small, large))
    left, right = dense(pair.small)[:, small], dense(pair.large)[:, large]
    expected = (left * right).reshape(CONTEXTS, -1, len(small)).sum(1)
    np.testing.assert_allclose(sums["product"], expected)
    whole = {name: part.sum(0) for name, part in sums.items()}
    found = activation_cosine(whole)
    norms = np.linalg.norm(left, axis=0) * np.linalg.norm(right, axis=0)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found, (left * right).sum(0) / norms, rtol=1e-9)
    alive = np.isfinite(found)
    correlation = np.corrcoef(cosines[alive], found[alive])[0, 1]
    np.testing.assert_allclose(r2_with(cosines, whole), correlation**2)


def test_too_many_like_pairs_are_drawn_from(pair):
    small, _, cosines = chosen_pairs(pair.small, pair.large, 0.5, 5, 0)
    assert (cosines >= 0.5).sum() == 5
    assert (chosen_pairs(pair.small, pair.large, 0.5, 5, 0)[0] == small).all()


def test_exchanging_decoder_biases(pair):
    halves = pair.small, pair.large
    (own, count), (other, _) = (bias_of(half, pair.activations, SITE) for half in halves)
    weights = pair.small.directions.numpy().astype(np.float64) / pair.small.scale
    left = target(pair) - dense(pair.small) @ weights
    before = ((left - own.bias) ** 2).sum(1).reshape(CONTEXTS, -1).sum(1)
    after = ((left - other.bias) ** 2).sum(1).reshape(CONTEXTS, -1).sum(1)
    np.testing.assert_allclose(own.error2, before)
    np.testing.assert_allclose(own.exchanged(other, count), after - before, atol=1e-9)


def test_an_sae_that_never_fires_changes_only_the_bias(tmp_path):
    import torch

    silent = {"b_enc": torch.full((WIDTHS[1],), -1e3)}
    pair = planted_pair(tmp_path, {"b_enc": torch.full((WIDTHS[0],), -1e3)}, silent)
    left = target(pair) - pair.small.bias.numpy()
    moved = left - pair.bias_difference.numpy()  # none of the smaller SAE's latents counts
    expected = (moved**2).sum() - (left**2).sum()
    np.testing.assert_allclose(insertions(pair).change.sum(0), np.full(WIDTHS[1], expected))


def test_a_chain_goes_from_narrow_to_wide(tmp_path):
    planted_pair(tmp_path)
    names = [f"sae-w{width}" for width in WIDTHS[::-1]]
    saes = [str(tmp_path / f"{name}.safetensors") for name in names]
    codes = [str(tmp_path / f"{name}.codes.zarr" / "manifest.json") for name in names]
    ((small, large),) = consecutive(saes, codes)
    assert (small.width, large.width) == WIDTHS
    with pytest.raises(AnatomyError, match="one order"):
        list(consecutive(saes, codes[::-1]))
    with pytest.raises(AnatomyError, match="two SAEs"):
        list(consecutive(saes[:1], codes[:1]))


def test_pairs_that_do_not_belong_together_say_so(tmp_path):
    pair = planted_pair(tmp_path, **VARIANTS["plain"])
    shorter = write_activations(tmp_path / "other.zarr", correlated(9, 12, 6), 2)
    with pytest.raises(AnatomyError, match="one harvest"):
        Pair(shorter, SITE, pair.small, pair.large)
    centred = planted_dictionaries(large={"center": True})[1]
    centred.save(tmp_path / "centred.safetensors")
    reconstruct(centred, pair.activations, SITE, tmp_path / "centred.codes.zarr")
    other = open_sae(tmp_path / "centred.safetensors", tmp_path / "centred.codes.zarr")
    with pytest.raises(AnatomyError, match="centres"):
        Pair(pair.activations, SITE, pair.small, other)
