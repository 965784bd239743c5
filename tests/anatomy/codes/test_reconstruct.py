"""Reconstructing a harvest: the same as reconstructing it in one piece, errors before work."""

import numpy as np
import pytest
import torch

from tests.conftest import random_dictionary, write_activations
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.codes.pursuit import pursue
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import open_sae
from workflow_scripts.anatomy.codes.store import open_codes

D, M = 8, 24


@pytest.fixture
def store(tmp_path):
    x = np.random.default_rng(0).normal(1, 1, (9, 5, D)).astype(np.float32)
    return write_activations(tmp_path / "h.zarr", x, min_position=1)


def site_of(store):
    return store.hook_points[0]


def test_one_pass_is_the_whole_harvest(store, tmp_path, monkeypatch):
    sae, site = random_dictionary(D, M), site_of(store)
    monkeypatch.setattr(type(store), "block_slices", lambda *_: [slice(0, 4), slice(4, 9)])
    about = reconstruct(sae, store, site, tmp_path / "h.codes.zarr")
    codes = open_codes(tmp_path / "h.codes.zarr")
    x = torch.from_numpy(store.activations(site)[:]).reshape(-1, D)
    expected, recon = sae.reconstruct(x)
    np.testing.assert_allclose(
        codes.rows(slice(0, 9)).toarray(), expected.to_dense(M), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        codes.scalar("error_norm2").reshape(-1), (x - recon).square().sum(1), rtol=1e-4
    )
    assert about["summary"] == codes.summary and about["site"] == site
    assert codes.group.attrs["method"] == "encoder" and codes.min_position == 1


def test_pursuit_spends_what_the_encoder_spent(store, tmp_path):
    sae, site = random_dictionary(D, M), site_of(store)
    reconstruct(sae, store, site, tmp_path / "codes")
    codes = open_codes(tmp_path / "codes")
    about = pursue(sae, store, codes, site, tmp_path / "pursuit")
    found = open_codes(tmp_path / "pursuit")
    assert (found.scalar("l0") <= codes.scalar("l0")).all()
    assert found.summary["fvu"] < codes.summary["fvu"]
    assert about["method"] == "gradient pursuit"
    x = torch.from_numpy(store.activations(site)[:]).reshape(-1, D)
    error = x - sae.decode(found.sparse_codes(slice(0, 9)), sae.offset(x))
    np.testing.assert_allclose(
        found.scalar("error_norm2").reshape(-1), error.square().sum(1), rtol=1e-4
    )


def test_pursuit_of_a_scaled_and_centred_sae(store, tmp_path):
    """Scaling the input and the decoder's bias together leaves the reconstructions as they are."""
    site = site_of(store)
    sae = random_dictionary(D, M, center=True)
    scaled = random_dictionary(D, M, center=True)
    scaled.input_scale, scaled.b_dec, scaled.b_enc = 4.0, sae.b_dec * 4, sae.b_enc * 4
    for name, each in (("a", sae), ("b", scaled)):
        reconstruct(each, store, site, tmp_path / name)
        pursue(each, store, open_codes(tmp_path / name), site, tmp_path / f"{name}p")
    for name in ("{}", "{}p"):
        one, two = (open_codes(tmp_path / name.format(letter)) for letter in "ab")
        np.testing.assert_array_equal(one.scalar("l0"), two.scalar("l0"))
        np.testing.assert_allclose(
            one.scalar("error_norm2"), two.scalar("error_norm2"), rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize(
    "own",
    [{"normalisation": "layer_norm", "center": True}, {"normalisation": "constant_norm_rescale"}],
)
def test_an_sae_that_scales_every_token_by_itself(store, tmp_path, own):
    """As of the tokens scaled beforehand; the errors are those in units of the activations."""
    site = site_of(store)
    sae, plain = random_dictionary(D, M, **own), random_dictionary(D, M)
    x = torch.from_numpy(store.activations(site)[:]).reshape(-1, D)
    inside = x - x.mean(1, keepdim=True) if sae.center else x
    t = inside.std(1) if sae.center else inside.norm(dim=1) / D**0.5
    reconstruct(sae, store, site, tmp_path / "codes")
    pursue(sae, store, open_codes(tmp_path / "codes"), site, tmp_path / "pursuit")
    scaled = (inside / t[:, None]).numpy().reshape(9, 5, D)
    alike = write_activations(tmp_path / "scaled.zarr", scaled, min_position=1)
    reconstruct(plain, alike, site, tmp_path / "plain")
    pursue(plain, alike, open_codes(tmp_path / "plain"), site, tmp_path / "plainp")
    for one, two in (("codes", "plain"), ("pursuit", "plainp")):
        own_codes, others = open_codes(tmp_path / one), open_codes(tmp_path / two)
        np.testing.assert_array_equal(own_codes.scalar("l0"), others.scalar("l0"))
        np.testing.assert_allclose(
            own_codes.scalar("error_norm2").reshape(-1),
            others.scalar("error_norm2").reshape(-1) * t.numpy() ** 2,
            rtol=1e-3,
            atol=1e-5,
        )
    sae.save(tmp_path / "sae.safetensors")
    opened = open_sae(tmp_path / "sae.safetensors", tmp_path / "codes")
    residual = opened.residual(x, opened.codes.rows(slice(0, 9)))
    error = x - sae.reconstruct(x)[1]
    np.testing.assert_allclose(residual, error, rtol=1e-3, atol=1e-4)


def test_an_sae_for_other_activations_is_refused_before_work(store, tmp_path):
    sae = random_dictionary(D + 2, M)
    with pytest.raises(AnatomyError, match=rf"takes activations of {D + 2} .* has {D};"):
        reconstruct(sae, store, site_of(store), tmp_path / "codes")
    assert not (tmp_path / "codes").exists()


def test_nan_activations_are_an_error(tmp_path):
    x = np.ones((4, 5, D), np.float32)
    x[2, 3, 1] = np.nan
    store = write_activations(tmp_path / "h.zarr", x)
    with pytest.raises(AnatomyError, match="NaN"):
        reconstruct(random_dictionary(D, M), store, site_of(store), tmp_path / "codes")
    with pytest.raises(AnatomyError, match="never finished"):
        open_codes(tmp_path / "codes")


def test_codes_of_another_sae_are_refused(store, tmp_path):
    site = site_of(store)
    reconstruct(random_dictionary(D, M), store, site, tmp_path / "codes")
    codes = open_codes(tmp_path / "codes")
    with pytest.raises(AnatomyError, match=f"{M} latents"):
        pursue(random_dictionary(D, M + 1), store, codes, site, tmp_path / "pursuit")
