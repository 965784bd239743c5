"""What meta-SAEs are trained on, and what they explain of it, against dense float64 arithmetic."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import random_dictionary
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.canonical_units.meta import rows as module
from workflow_scripts.papers.canonical_units.meta.directions import (
    decoder_directions,
    decompose,
    variance_explained,
)
from workflow_scripts.papers.canonical_units.meta.evaluation import Evaluation, interval
from workflow_scripts.papers.canonical_units.meta.training import distinct, nearest

D = 12


def directions(n=40, d=D, seed=0):
    generator = np.random.default_rng(seed)
    mix = generator.normal(size=(d, d)) * np.geomspace(1, 0.1, d)
    rows = generator.normal(size=(n, d)) @ mix + 0.3 * generator.normal(size=d)
    return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True)).float()


def test_directions_are_the_firing_decoder_rows_of_norm_1():
    sae = random_dictionary(D, 20)
    sae.W_dec *= torch.linspace(0.1, 3, 20)[:, None]
    fires = np.arange(20) % 3 > 0
    latents, rows = decoder_directions(sae, fires)
    assert latents.tolist() == np.flatnonzero(fires).tolist()
    expected = sae.W_dec.double().numpy()[fires]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(rows.numpy(), expected, atol=1e-6)
    assert len(decoder_directions(sae, None)[0]) == 20


def dense_codes(meta, rows):
    """Codes of a ReLU meta-SAE, (n, m) float64."""
    pre = rows.double() @ meta.W_enc.double() + meta.b_enc.double()
    return pre.clamp(min=0).numpy()


def test_codes_and_variance_explained_are_those_of_dense_float64():
    meta, rows = random_dictionary(D, 30, seed=1), directions()
    codes = dense_codes(meta, rows)
    np.testing.assert_allclose(decompose(meta, rows).toarray(), codes, atol=1e-5)
    w = rows.double().numpy()
    error = w - (codes @ meta.W_dec.double().numpy() + meta.b_dec.double().numpy())
    expected = 1 - (error**2).sum() / ((w - w.mean(0)) ** 2).sum()
    assert variance_explained(meta, rows) == pytest.approx(expected, rel=1e-5)


def test_intervals_resample_latents_and_the_mean_with_them():
    meta, rows = random_dictionary(D, 30, seed=1), directions()
    found = Evaluation(meta, rows, 200, seed=3)
    w, codes = rows.double().numpy(), dense_codes(meta, rows)
    error = ((w - codes @ meta.W_dec.double().numpy() - meta.b_dec.double().numpy()) ** 2).sum(1)
    counts = np.random.default_rng(3).multinomial(len(w), np.full(len(w), 1 / len(w)), size=200)
    for at in (0, 57, 199):
        taken = np.repeat(np.arange(len(w)), counts[at])
        about_mean = ((w[taken] - w[taken].mean(0)) ** 2).sum()
        assert found.explained[1 + at] == pytest.approx(1 - error[taken].sum() / about_mean)
        assert found.l0[1 + at] == pytest.approx((codes[taken] > 0).sum(1).mean())
    assert found.explained[0] == pytest.approx(variance_explained(meta, rows), rel=1e-6)
    value, low, high = interval(found.explained)
    assert low < value < high
    columns = found.columns()
    active = (codes > 0).sum(1)
    assert columns["l0"] == pytest.approx(active.mean())
    assert [columns["active_q05"], columns["active_q95"]] == list(np.quantile(active, (0.05, 0.95)))
    assert columns["dead_meta_latents"] == int(((codes > 0).sum(0) == 0).sum())


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 40), d=st.integers(2, 15), seed=st.integers(0, 99))
def test_recoloured_rows_have_the_mean_and_the_covariance(n, d, seed):
    rows = directions(n, d, seed).double()
    found = module.recoloured(rows, np.random.default_rng(seed))
    assert found.shape == rows.shape
    torch.testing.assert_close(found.mean(0), rows.mean(0))
    covariance = (rows - rows.mean(0)).T @ (rows - rows.mean(0))
    torch.testing.assert_close((found - rows.mean(0)).T @ (found - rows.mean(0)), covariance)


@pytest.mark.parametrize("kind", ["same_covariance", "isotropic"])
def test_controls_are_other_directions_of_norm_1(kind):
    rows = directions(400)
    found = module.in_place_of(rows, kind, 0)
    assert found.shape == rows.shape and found.dtype == torch.float32
    torch.testing.assert_close(found.norm(dim=1), torch.ones(400))
    assert float((found * rows).sum(1).abs().mean()) < 0.95
    assert torch.equal(found, module.in_place_of(rows, kind, 0))
    assert not torch.equal(found, module.in_place_of(rows, kind, 1))
    if kind == "isotropic":
        assert float(found.mean(0).norm()) < 0.15
    else:
        # Norm 1 takes little away: most of the covariance is the rows'.
        ours, theirs = (np.cov(each.numpy().T) for each in (found, rows))
        assert np.linalg.norm(ours - theirs) < 0.25 * np.linalg.norm(theirs)


def test_isotropic_directions_prefer_none():
    found = module.random_directions(4000, 5, np.random.default_rng(0)).numpy()
    np.testing.assert_allclose(found.T @ found / 4000, np.eye(5) / 5, atol=0.02)


def test_rows_are_drawn_once_each_and_by_the_seed():
    rows = directions(30)
    kept = module.drawn(rows, 12, seed=1)
    assert len(set(kept)) == 12 and (np.diff(kept) > 0).all()
    assert kept.tolist() == module.drawn(rows, 12, seed=1).tolist()
    assert kept.tolist() != module.drawn(rows, 12, seed=2).tolist()
    assert module.drawn(rows, 99, seed=1).tolist() == list(range(30))


def test_rows_of_a_meta_sae():
    sae = random_dictionary(D, 20)
    fires = np.arange(20) != 4
    meta = {"latents": "firing", "no_more_than": [], "rows": "decoder", "seed": 0}
    latents, rows = module.rows_of(meta, sae, fires)
    assert 4 not in latents and len(rows) == 19
    assert len(module.rows_of(meta | {"latents": "all"}, sae, fires)[1]) == 20
    few, some = module.rows_of(meta | {"no_more_than": ["a"]}, sae, fires, 7)
    assert len(few) == 7
    torch.testing.assert_close(some, sae.W_dec[torch.from_numpy(few)])
    # A control is of the rows that are drawn.
    other = module.rows_of(meta | {"no_more_than": ["a"], "rows": "isotropic"}, sae, fires, 7)
    assert other[0].tolist() == few.tolist() and not torch.equal(other[1], some)


def test_a_store_of_directions_reads_like_a_harvest():
    rows = directions(30)
    store = module.direction_store(rows, "sae", "meta")
    assert store.shape == (30, 1) and store.width("anything") == D and not store.holds_out
    np.testing.assert_array_equal(store.activations("anything")[3:9][:, 0], rows[3:9].numpy())
    assert store.fingerprint != module.direction_store(rows[:29], "sae", "meta").fingerprint
    assert store.fingerprint == module.direction_store(rows.clone(), "other", "x").fingerprint
    with pytest.raises(AnatomyError, match="sae: meta has 1 directions"):
        module.direction_store(rows[:1], "sae", "meta")


def test_the_nearest_direction_is_that_of_a_loop():
    own, others = directions(9, seed=1), directions(25, seed=2)
    cosines, at = nearest(own, others)
    every = own.double().numpy() @ others.double().numpy().T
    np.testing.assert_array_equal(at, every.argmax(1))
    np.testing.assert_allclose(cosines, every.max(1), atol=1e-6)
    assert distinct(others[at]) == len(set(at))
