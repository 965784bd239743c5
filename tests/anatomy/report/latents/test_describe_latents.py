"""Numbers, windows and nearest latents of a planted SAE against loops over dense float64 arrays."""

import json

import numpy as np
import pytest
import torch

from tests.anatomy.report.latents.planted_sae import DEAD, EXTENT, FIRST, C, D, M, T, plant
from workflow_scripts.anatomy.base.store import write_arrays
from workflow_scripts.anatomy.base.tables import VECTORS, write_table
from workflow_scripts.anatomy.report.latents import error_sums as module
from workflow_scripts.anatomy.report.latents.arrays import arrays_of
from workflow_scripts.anatomy.report.latents.contexts import contexts_of
from workflow_scripts.anatomy.report.latents.error_sums import error_sums
from workflow_scripts.anatomy.report.latents.nearest import nearest_of, own_cosines
from workflow_scripts.anatomy.report.latents.table import error_table, latent_table
from workflow_scripts.anatomy.report.latents.token_names import names_of, shown
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.bootstrap import document_interval

LETTERS = "abcdefg"


@pytest.fixture(scope="module", params=["plain", "scaled", "centred"])
def planted(request, tmp_path_factory):
    given = {
        "plain": {},
        "scaled": {"input_scale": 2.5, "subtract_b_dec": True},
        "centred": {"center": True},
    }
    return plant(tmp_path_factory.mktemp("planted"), **given[request.param])


def decoded(dictionary: Dictionary, f, x):
    """Reconstructions in float64."""
    out = f @ dictionary.W_dec.double().numpy() + dictionary.b_dec.double().numpy()
    mean = x.mean(1, keepdims=True) if dictionary.center else 0
    return out / dictionary.input_scale + mean


def counted():
    return np.tile(np.arange(T) >= FIRST, C)


def made_norms(seed=0):
    return np.random.default_rng(seed).random((C, T, len(VECTORS)))


def test_errors_are_those_of_definitions(planted):
    sae, f, x = planted
    norms2, used = made_norms(), counted()
    table = error_table(error_sums(sae, norms2), 50, 0)
    error2 = ((x - decoded(sae.dictionary, f, x)) ** 2).sum(1)
    d = sae.directions.double().numpy() / sae.scale
    power = f**2 * (d**2).sum(1)
    whole = power.sum(1, keepdims=True)
    share = np.divide(power, whole, out=np.zeros_like(power), where=whole > 0)[used]
    of_token = {
        "error": error2[used],
        "linear_error": norms2[..., VECTORS.index("linear_error")].reshape(-1)[used],
        "nonlinear_error": norms2[..., VECTORS.index("nonlinear_error")].reshape(-1)[used],
    }
    silent = (f[used] == 0).all(1)
    for name, part in of_token.items():
        column = table[f"{name}_contribution"]
        np.testing.assert_allclose(column, share.T @ part / part.sum(), rtol=1e-4, atol=1e-9)
        assert column.sum() + part[silent].sum() / part.sum() == pytest.approx(1, abs=1e-9)
    fires = f[used] > 0
    np.testing.assert_array_equal(table["firings"], fires.sum(0))
    np.testing.assert_allclose(table["density"], fires.mean(0))
    for latent in range(M):
        without = f.copy()
        without[:, latent] = 0
        ablated = ((x - decoded(sae.dictionary, without, x)) ** 2).sum(1)[used]
        rise = 100 * (ablated.mean() / error2[used].mean() - 1)
        assert table["ablation_gain"][latent] == pytest.approx(rise, rel=1e-4, abs=1e-4)
        if fires[:, latent].any():
            lift = error2[used][fires[:, latent]].mean() / error2[used].mean()
            assert table["error_lift"][latent] == pytest.approx(lift, rel=1e-4)
    assert table["error_lift"].isna()[DEAD]
    assert table["error_contribution"][DEAD] == table["ablation_gain"][DEAD] == 0


def test_intervals_are_those_of_documents(planted):
    sae, _, _ = planted
    (sums,) = error_sums(sae)
    table = error_table([sums], 200, 3)
    for column, number, denominator, factor in (
        ("error_contribution", sums.shared, sums.error, 1),
        ("ablation_gain", sums.rise, sums.error, 100),
    ):
        parts = {"n": number[:, 1], "d": denominator}
        _, low, high = document_interval(lambda s, k=factor: k * s["n"] / s["d"], parts, 200, 3)
        assert table[f"{column}_lo"][1] == pytest.approx(low)
        assert table[f"{column}_hi"][1] == pytest.approx(high)
    assert table["linear_error_contribution"].isna().all()
    often = table["firings"] > 5
    lift = table[["error_lift_lo", "error_lift", "error_lift_hi"]][often].to_numpy()
    assert len(lift) > 3
    assert (np.diff(lift, axis=1) >= 0).all()


def test_latents_in_parts_give_the_same(planted, monkeypatch):
    sae, _, _ = planted
    whole = error_table(error_sums(sae, made_norms()), 20, 0)
    monkeypatch.setattr(module, "SUMS", 3 * sae.codes.units.n_groups)
    monkeypatch.setattr(module, "PRODUCTS", 50)
    parts = list(error_sums(sae, made_norms()))
    assert [len(part.latents) for part in parts] == [3, 3, 3, 2]
    np.testing.assert_allclose(error_table(parts, 20, 0), whole, rtol=1e-12)


def test_windows_are_those_of_loops(planted):
    sae, f, _ = planted
    found = contexts_of(sae.harvest, sae.codes, EXTENT, 0)
    dense = np.where(counted()[:, None], f, 0).reshape(C, T, M)
    edges = np.array([0, 0.1, 0.25, 0.5, 0.75, np.inf])
    values = found.values.reshape(-1, EXTENT.window)
    assert (np.diff(found.latent) >= 0).all()
    for latent in range(M):
        own, maximum = dense[..., latent], dense[..., latent].max()
        share = own[own > 0] / maximum if maximum else own[own > 0]
        counts = np.histogram(share, edges)[0]
        np.testing.assert_array_equal(found.counts[latent], counts)
        np.testing.assert_allclose(found.shares[latent], counts / max(1, counts.sum()), rtol=1e-6)
        expected = np.histogram(share, np.linspace(0, 1, EXTENT.bins + 1))[0]
        np.testing.assert_array_equal(found.histogram[latent], expected)
        mine = np.flatnonzero(found.latent == latent)
        assert (np.diff(found.stratum[mine]) >= 0).all()
        strengths = []
        for at in mine:
            context, start = found.windows.context[at], found.windows.start[at]
            peak, stratum = found.peak[at], found.stratum[at]
            assert FIRST <= start <= peak < start + EXTENT.window <= T
            shown_there = own[context, start : start + EXTENT.window]
            np.testing.assert_array_equal(found.windows.activations[at], shown_there)
            scaled = 255 * shown_there / maximum
            np.testing.assert_allclose(values[at], np.maximum(scaled, shown_there > 0), atol=0.51)
            np.testing.assert_array_equal(values[at] > 0, shown_there > 0)
            if stratum:
                part = own[context, peak] / maximum
                assert edges[stratum - 1] <= part < edges[stratum]
            else:
                assert own[context, peak] == own[context].max()
                strengths.append(own[context, peak])
        best = np.sort(own.max(1)[own.max(1) > 0])[::-1][: EXTENT.contexts]
        np.testing.assert_array_equal(strengths, best)
        drawn = np.bincount(found.stratum[mine], minlength=6)[1:]
        np.testing.assert_array_equal(drawn, np.minimum(counts, EXTENT.per_stratum))
        places = {(found.stratum[at], found.windows.context[at], found.peak[at]) for at in mine}
        assert len(places) == len(mine)
    assert not (found.latent == DEAD).any()


def test_nearest_latents_are_those_of_dense_cosines():
    generator = torch.Generator().manual_seed(1)
    mine, *others = (torch.randn(n, D, generator=generator) for n in (9, 5, 7, 4))
    alive = [np.array([True, False, True, True, False]), np.ones(7, bool), np.zeros(4, bool)]
    near = nearest_of(mine, zip("abc", others, alive, strict=True))
    assert near.names == ["a", "b"]
    unit = [part.double().numpy() for part in (mine, *others)]
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in unit]
    cosines = [
        np.where(fires, unit[0] @ other.T, -2)
        for other, fires in zip(unit[1:3], alive[:2], strict=True)
    ]
    for sae, dense in enumerate(cosines):
        np.testing.assert_array_equal(near.other[:, sae], dense.argmax(1))
        np.testing.assert_allclose(near.cosine[:, sae], dense.max(1), atol=1e-6)
    _, _, cosine = near.best()
    np.testing.assert_allclose(cosine, np.concatenate(cosines, 1).max(1), atol=1e-6)
    own = np.abs(unit[0] @ unit[0].T)
    np.fill_diagonal(own, -1)
    np.testing.assert_allclose(own_cosines(mine), own.max(1), atol=1e-6)
    assert np.isnan(own_cosines(mine[:1])).all()


def tokenizer_of_letters(folder):
    from tokenizers import Tokenizer, models

    path = folder / "tokenizer.json"
    Tokenizer(models.WordLevel({letter: at for at, letter in enumerate(LETTERS)})).save(str(path))
    return path


def test_the_table_and_the_arrays(planted, tmp_path):
    sae, f, _ = planted
    found = contexts_of(sae.harvest, sae.codes, EXTENT, 0)
    near = nearest_of(sae.directions, [])
    names = names_of(found, tokenizer_of_letters(tmp_path))
    for attempt in ("a", "b"):
        table = latent_table(error_table(error_sums(sae), 20, 0), sae, near, names)
        write_table(tmp_path / f"{attempt}.csv", table)
        write_arrays(tmp_path / f"{attempt}.npz", arrays_of(found, near))
    for kind in ("csv", "npz"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert table["max_cosine"].isna().all()
    assert table["nearest_sae"].isna().all()
    used = np.where(counted()[:, None], f, 0)
    np.testing.assert_allclose(table["maximum"], used.max(0))
    np.testing.assert_allclose(
        table["mean_activation"], used.sum(0) / np.where(used.any(0), (used > 0).sum(0), np.nan)
    )
    norm = np.linalg.norm(sae.directions.double().numpy(), axis=1) / sae.scale
    np.testing.assert_allclose(table["decoder_norm"], norm)
    assert table["name"][DEAD] == ""
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["window_values"].shape == (arrays["window_length"].sum(),)
        assert arrays["near_saes"].shape == (0,)
        assert {arrays[name].dtype.str for name in ("window_latent", "histogram")} == {"<u4"}
    strongest = {}
    for latent in range(M):
        own = used[:, latent].reshape(C, T)
        order = [c for c in np.argsort(-own.max(1), kind="stable") if own[c].any()]
        strongest[latent] = [
            LETTERS[(c * T + own[c].argmax()) % 7] for c in order[: EXTENT.contexts]
        ]
        assert names[latent] == " ".join(dict.fromkeys(strongest[latent]))


def test_an_sae_of_which_nothing_fires(tmp_path):
    sae, f, _ = plant(tmp_path, b_enc=torch.full((M,), -1e6))
    assert not f.any()
    (sums,) = error_sums(sae)
    assert sums.unshared.sum() == pytest.approx(sums.error.sum())
    found = contexts_of(sae.harvest, sae.codes, EXTENT, 0)
    near = nearest_of(sae.directions, [("other", sae.directions, sae.fires)])
    names = names_of(found, tokenizer_of_letters(tmp_path))
    table = latent_table(error_table([sums], 20, 0), sae, near, names)
    assert len(table) == M
    assert (table["firings"] == 0).all()
    assert (table["error_contribution"] == 0).all()
    assert len(arrays_of(found, near)["window_values"]) == 0
    assert not found.shares.any()


def test_tokens_are_shown_as_they_are():
    assert shown(b" which") == " which"
    assert shown(b"   ") == "···"
    assert shown(b"\xe2\x80") == "⟨E2⟩⟨80⟩"
    assert shown("\u202e".encode()) == "⟨U+202E⟩"
    assert shown(b"x" * 30) == "x" * 20 + "…"
    assert json.loads(json.dumps(shown(b"\xff<b>"))) == "⟨FF⟩<b>"
