"""Figure 14 against scikit-learn, a closed form, and a jackknife by brute force."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from tests.conftest import SITE, correlated, random_dictionary, write_activations
from workflow_scripts.anatomy.codes.reconstruct import reconstruct
from workflow_scripts.anatomy.codes.sae_on_harvest import SaeOnHarvest
from workflow_scripts.anatomy.codes.store import open_codes
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.splits import Split
from workflow_scripts.papers.dark_matter.measures.latent_probe import JACKKNIFE_PARTS, latent_probe


def subject(tmp_path, store, dictionary, split, threads=1):
    reconstruct(dictionary, store, SITE, tmp_path / "codes")
    codes = open_codes(tmp_path / "codes")
    return SaeOnHarvest(dictionary, codes, store, split, threads=threads)


def in_blocks(monkeypatch, store, step):
    contexts = store.shape[0]
    slices = [slice(at, min(at + step, contexts)) for at in range(0, contexts, step)]
    monkeypatch.setattr(type(store), "block_slices", lambda *_: slices)


def sparse_sums(each):
    """s = Sae(x) - b_dec of every token, (n, d) in float64, by dense matrix products."""
    dictionary = each.dictionary
    x = torch.from_numpy(each.store.activations(SITE)[:]).flatten(0, 1)
    codes = dictionary.encode(x).to_dense(dictionary.width).double().numpy()
    return codes, codes @ dictionary.W_dec.double().numpy() / dictionary.input_scale


def probe_dots(each, used):
    """The probe of scikit-learn on some tokens, dot every latent's direction."""
    _, s = sparse_sums(each)
    model = LinearRegression().fit(s[used], (s[used] ** 2).sum(1))
    decoder = each.dictionary.W_dec.double().numpy()
    return decoder / np.linalg.norm(decoder, axis=1, keepdims=True) @ model.coef_


@pytest.mark.parametrize(
    ("kind", "step", "kwargs"),
    [
        ("context", 40, {}),
        ("paper", 3, {"input_scale": 3.0}),
        ("context", 3, {"center": True}),
    ],
)
def test_equals_scikit_learn(tmp_path, planted_store, monkeypatch, kind, step, kwargs):
    in_blocks(monkeypatch, planted_store, step)
    split = Split(kind, 0.6, 3, planted_store.min_position)
    dictionary = random_dictionary(6, 18, **kwargs)
    dictionary.W_dec *= torch.linspace(0.5, 2, 18)[:, None]
    dictionary.b_enc[4] = -1e6
    each = subject(tmp_path, planted_store, dictionary, split, threads=2)
    dots, errors, averages = latent_probe(each)
    train, test = (mask.ravel() for mask in split.masks(slice(0, 40), 12))
    np.testing.assert_allclose(dots, probe_dots(each, train), rtol=1e-4, atol=1e-5)
    codes, _ = sparse_sums(each)
    norms = dictionary.W_dec.norm(dim=1).numpy() / dictionary.input_scale
    used = codes[train | test]
    for latent in range(18):
        active = used[used[:, latent] > 0, latent]
        expected = active.mean() * norms[latent] if len(active) else np.nan
        assert averages[latent] == pytest.approx(expected, rel=1e-5, nan_ok=True)
    assert np.isnan(averages[4])
    assert np.isnan(errors).all() == (step == 40), "one block has no parts to leave out"


def test_standard_errors_are_those_of_leaving_parts_out(tmp_path, planted_store, monkeypatch):
    """40 contexts make 20 parts of two; each is left out of a fit of its own."""
    in_blocks(monkeypatch, planted_store, 1)
    split = Split("context", 0.6, 3, planted_store.min_position)
    each = subject(tmp_path, planted_store, random_dictionary(6, 18), split)
    _, errors, _ = latent_probe(each)
    train, _ = split.masks(slice(0, 40), 12)
    left_out = []
    for part in range(JACKKNIFE_PARTS):
        kept = train.copy()
        kept[2 * part : 2 * part + 2] = False
        left_out.append(probe_dots(each, kept.ravel()))
    spread = ((np.array(left_out) - np.mean(left_out, axis=0)) ** 2).sum(0)
    expected = np.sqrt(spread * (JACKKNIFE_PARTS - 1) / JACKKNIFE_PARTS)
    np.testing.assert_allclose(errors, expected, rtol=1e-3)


def orthonormal_world(tmp_path, contexts, seed):
    """Eight orthonormal latents with independent sparse positive activations w, and nothing else.

    Latent i fires with probability p and then exponentially with mean mu, so that its moments are
    E w^n = p n! mu^n, and Cov(w, w^2) / Var(w) = mu (6 - 2 p) / (2 - p).
    """
    generator = np.random.default_rng(seed)
    d, positions = 8, 100
    p, mu = np.linspace(0.1, 0.5, d), np.geomspace(1, 3, d)[[3, 0, 7, 5, 1, 6, 2, 4]]
    w = generator.exponential(mu, size=(contexts, positions, d))
    w *= generator.random(w.shape) < p
    q, _ = np.linalg.qr(generator.normal(size=(d, d)))
    bias = generator.normal(size=d)
    store = write_activations(tmp_path / f"{contexts}.zarr", w @ q.T + bias)
    decoder = torch.from_numpy(q.T.copy()).float()
    dictionary = Dictionary(
        decoder.T.contiguous(),
        torch.zeros(d),
        decoder,
        torch.from_numpy(bias).float(),
        activation="jumprelu",
        threshold=torch.full((d,), 1e-4),
        subtract_b_dec=True,
        metadata={"name": "orthonormal"},
    )
    return store, dictionary, mu * (6 - 2 * p) / (2 - p), mu


def test_independent_latents_of_an_orthonormal_dictionary(tmp_path, monkeypatch):
    """There the probe is Cov(w, w^2) / Var(w) of each latent, within its standard error."""
    store, dictionary, expected, mu = orthonormal_world(tmp_path, 200, 0)
    in_blocks(monkeypatch, store, 10)
    each = subject(tmp_path, store, dictionary, Split("paper", 0.9, 0, 0))
    dots, errors, averages = latent_probe(each)
    np.testing.assert_allclose(averages, mu, rtol=0.06)
    assert (errors < 0.15 * expected).all()
    assert (np.abs(dots - expected) < 4 * errors).all()
    assert 0.5 < np.sqrt((((dots - expected) / errors) ** 2).mean()) < 2
    # Figure 14: the probe is the sum of the latents weighted by their average activation.
    assert np.corrcoef(dots, averages)[0, 1] > 0.98


def test_standard_errors_shrink_with_the_tokens(tmp_path, monkeypatch):
    sizes = []
    for contexts in (20, 180):
        store, dictionary, _, _ = orthonormal_world(tmp_path, contexts, 1)
        in_blocks(monkeypatch, store, contexts // 20)
        folder = tmp_path / str(contexts)
        folder.mkdir()
        _, errors, _ = latent_probe(subject(folder, store, dictionary, Split("paper", 0.9, 0, 0)))
        sizes.append(np.median(errors))
    assert sizes[0] / sizes[1] == pytest.approx(3, rel=0.4)


def test_the_probe_does_not_see_the_mean_of_the_activations(tmp_path, monkeypatch):
    """Shifting x and b_dec together leaves s, and with it the probe, as it was."""
    x = correlated(30, 10, 6)
    found = []
    for shift in (0.0, 5.0):
        dictionary = random_dictionary(6, 18, subtract_b_dec=True)
        dictionary.b_dec += shift
        folder = tmp_path / str(shift)
        store = write_activations(folder / "h.zarr", x + shift)
        in_blocks(monkeypatch, store, 5)
        found.append(latent_probe(subject(folder, store, dictionary, Split("context", 0.6, 0, 0))))
    for before, after in zip(*found, strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-3, atol=1e-4)
