"""Dashboards against loops over dense codes."""

import numpy as np
import pytest
import torch

from tests.conftest import SITE, plant_harvest, random_dictionary
from workflow_scripts.anatomy.activations.store import ActivationStore, block_slices
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.codes.store import CodesStore, open_codes
from workflow_scripts.anatomy.codes.writing import writing_codes
from workflow_scripts.anatomy.interpretability import dashboard_neighbours
from workflow_scripts.anatomy.interpretability.dashboard import Extent, dashboards
from workflow_scripts.anatomy.interpretability.dashboard_neighbours import nearest_latents
from workflow_scripts.anatomy.interpretability.dashboard_tables import (
    context_table,
    histogram_table,
    latent_table,
    token_table,
)
from workflow_scripts.anatomy.saes.dictionary import SparseCodes
from workflow_scripts.anatomy.statistics.bootstrap import document_interval

C, T, M, FIRST, D = 30, 14, 9, 3, 4
SILENT, RARE = 4, 7
EXTENT = Extent(contexts=6, window=7, bins=5)
ATTRS = {"sae": "a", "site": SITE, "model": "m", "harvest": "h", "min_position": FIRST}
DOCUMENTS = np.arange(C, dtype=np.int32)[:, None] // 2 + np.zeros((C, T), np.int32)


def plant(folder, dense):
    """A harvest of tokens 0, 1, … and a store of these codes, (C, T, M)."""
    x = np.zeros((C, T, D), np.float32)
    tokens = np.arange(C * T).reshape(C, T)
    store = plant_harvest(
        folder / "h.zarr", {SITE: x}, tokens, min_position=FIRST, documents=DOCUMENTS
    )
    flat = torch.from_numpy(dense.reshape(-1, M))
    rows, indices = flat.nonzero(as_tuple=True)
    codes = SparseCodes(indices.int(), flat[rows, indices], (flat > 0).sum(1).int())
    block = torch.from_numpy(x)
    with writing_codes(folder / "h.codes.zarr", store, random_dictionary(D, M), ATTRS) as writer:
        writer.append(block, codes, block.reshape(-1, D))
    return store, open_codes(folder / "h.codes.zarr")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Codes with ties, a latent that never fires, and one that fires at the edges of contexts alone."""
    generator = np.random.default_rng(0)
    dense = generator.integers(1, 40, (C, T, M)).astype(np.float32) / 4
    dense[generator.random(dense.shape) < 0.7] = 0
    dense[..., SILENT] = 0
    dense[..., RARE] = 0
    dense[2, FIRST, RARE], dense[5, T - 1, RARE], dense[7, FIRST - 1, RARE] = 3, 2, 9
    return *plant(tmp_path_factory.mktemp("planted"), dense), dense


def used(dense):
    """Codes of the tokens that count; of the others they are 0."""
    dense = dense.copy()
    dense[:, :FIRST] = 0
    return dense


def shown_of(found, number):
    own = found.number == number
    return found.windows.take(own), found.peak[own]


def test_the_strongest_contexts_are_those_of_a_loop(planted):
    store, codes, dense = planted
    latents = np.array([8, 0, RARE, 3, SILENT])
    found = dashboards(store, codes, latents, EXTENT, seed=0)
    for number, latent in enumerate(latents):
        windows, peak = shown_of(found, number)
        strongest = used(dense)[..., latent].max(1)
        expected = np.sort(strongest[strongest > 0])[::-1][: EXTENT.contexts]
        np.testing.assert_array_equal(strongest[windows.context], expected)
        assert len(set(windows.context)) == len(windows)
        # The first of equal activations of a context.
        np.testing.assert_array_equal(peak, used(dense)[windows.context, :, latent].argmax(1))
        for at in range(len(windows)):
            part = slice(windows.start[at], windows.start[at] + EXTENT.window)
            assert FIRST <= part.start <= peak[at] < part.stop <= T
            own = windows.context[at]
            np.testing.assert_array_equal(windows.activations[at], dense[own, part, latent])
            np.testing.assert_array_equal(windows.tokens[at], own * T + np.arange(T)[part])
        pairs = set(zip(windows.context.tolist(), peak.tolist(), strict=True))
        assert found.places(number) == pairs


def test_windows_at_the_edges_of_contexts_are_moved_and_not_padded(planted):
    store, codes, _ = planted
    found = dashboards(store, codes, np.array([RARE]), EXTENT, seed=0)
    assert found.windows.context.tolist() == [2, 5]
    assert found.peak.tolist() == [FIRST, T - 1]
    assert found.windows.start.tolist() == [FIRST, T - EXTENT.window]
    # Where contexts are shorter than a window, all of it is shown.
    whole = dashboards(store, codes, np.array([RARE]), Extent(6, 99, 5), seed=0)
    assert whole.windows.start.tolist() == [FIRST, FIRST]
    assert whole.windows.tokens.shape == (2, T - FIRST)


def test_counts_and_histograms_are_numpys(planted):
    store, codes, dense = planted
    latents = np.arange(M)
    found = dashboards(store, codes, latents, EXTENT, seed=0)
    of_document = used(dense).reshape(C // 2, -1, M)
    np.testing.assert_array_equal(found.firings, (of_document > 0).sum(1))
    np.testing.assert_array_equal(found.tokens, np.full(C // 2, 2 * (T - FIRST)))
    np.testing.assert_array_equal(found.maximum, used(dense).max((0, 1)))
    table = histogram_table(found)
    for latent, rows in table.groupby("latent"):
        values = used(dense)[..., latent]
        if latent == SILENT:
            assert rows["count"].sum() == 0
            continue
        edges = [*rows["activation"], rows["activation_end"].iloc[-1]]
        # A value on an edge may be on either side of it by rounding, so edges are moved by a hair.
        moved = np.array(edges) * (1 - 1e-6)
        moved[-1] = edges[-1]
        np.testing.assert_array_equal(rows["count"], np.histogram(values[values > 0], moved)[0])


def test_a_latent_that_never_fires_has_an_empty_dashboard(planted):
    store, codes, _ = planted
    found = dashboards(store, codes, np.array([SILENT]), EXTENT, seed=0)
    assert len(found.windows) == 0 and found.firings.sum() == 0 and found.maximum == [0]
    table = latent_table(found, 20, 0)
    assert table[["firings", "frequency", "activation_max"]].to_numpy().tolist() == [[0, 0, 0]]
    assert context_table(found, []).empty
    assert found.places(0) == set()
    nothing = dashboards(store, codes, np.array([], int), EXTENT, seed=0)
    assert context_table(nothing, []).empty and latent_table(nothing, 20, 0).empty
    assert list(context_table(nothing, [])) == list(context_table(found, []))
    assert histogram_table(nothing).empty


def test_neither_blocks_nor_other_latents_matter(planted, monkeypatch):
    store, codes, _ = planted
    latents = np.arange(M)
    found = dashboards(store, codes, latents, EXTENT, seed=3)
    for kind in (ActivationStore, CodesStore):
        monkeypatch.setattr(kind, "block_slices", lambda self: block_slices(self.shape, 3 * T))
    again = dashboards(store, codes, latents, EXTENT, seed=3)
    for one, other in zip(vars(found).values(), vars(again).values(), strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
    for number in range(M):
        (alone, peak), (windows, expected) = (
            shown_of(dashboards(store, codes, latents[number:][:1], EXTENT, seed=3), 0),
            shown_of(found, number),
        )
        np.testing.assert_array_equal(peak, expected)
        for one, other in zip(vars(alone).values(), vars(windows).values(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_codes_of_other_contexts_are_an_error(planted, tmp_path):
    _, codes, _ = planted
    short = plant_harvest(tmp_path / "short.zarr", {SITE: np.zeros((C, T - 1, D))})
    with pytest.raises(AnatomyError, match=r"30 contexts of 14 tokens.*30 of 13.*this harvest"):
        dashboards(short, codes, np.array([0]), EXTENT, seed=0)


def test_the_tables_say_what_is_shown(planted, tmp_path):
    store, codes, dense = planted
    strings = [f" t{token}\r\n" if token % 2 else "" for token in range(C * T)]
    latents = np.array([8, 0])
    found = dashboards(store, codes, latents, EXTENT, seed=0)
    table = context_table(found, strings)
    assert len(table) == len(found.windows) * EXTENT.window
    assert table["peak"].sum() == len(found.windows)
    write_table(tmp_path / "table.csv", table)
    back = read_table(tmp_path / "table.csv")
    assert back["token"].fillna("").tolist() == table["token"].tolist()
    for _, row in table.iterrows():
        place = row["context"], row["position"]
        assert row["activation"] == dense[(*place, row["latent"])]
        assert row["token"] == strings[row["context"] * T + row["position"]]
        own = used(dense)[row["context"], :, row["latent"]]
        assert row["peak"] == (row["position"] == own.argmax())
    ranks = table[table["peak"]].groupby("latent", sort=False)["rank"].apply(list)
    assert ranks.tolist() == [list(range(EXTENT.contexts))] * 2
    rows = latent_table(found, 200, 5)
    for number, latent in enumerate(latents):
        fired = (used(dense)[..., latent] > 0).reshape(C // 2, -1).sum(1).astype(float)
        sums = {"fired": fired, "tokens": np.full(C // 2, 2.0 * (T - FIRST))}
        expected = document_interval(lambda s: s["fired"] / s["tokens"], sums, 200, 5)
        columns = ["frequency", "frequency_lo", "frequency_hi"]
        np.testing.assert_allclose(rows.loc[number, columns].astype(float), expected)


def test_promoted_and_suppressed_tokens_in_a_table():
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(3, D, generator=generator)
    rows = torch.randn(20, D, generator=generator)
    strings = [f"t{token}" for token in range(20)]
    table = token_table(np.array([5, 2, 9]), directions, rows, strings, 4)
    assert len(table) == 2 * 3 * 4
    for latent, direction in zip((5, 2, 9), directions, strict=True):
        weights = (rows.double() @ direction.double() / direction.double().norm()).numpy()
        for side, order in (("promoted", (-weights).argsort()), ("suppressed", weights.argsort())):
            own = table[(table["latent"] == latent) & (table["side"] == side)]
            assert own["token"].tolist() == [strings[token] for token in order[:4]]
            np.testing.assert_allclose(own["logit_weight"], weights[order[:4]], rtol=1e-5)
            assert own["rank"].tolist() == [0, 1, 2, 3]


def test_nearest_latents_are_those_of_all_cosines(monkeypatch):
    monkeypatch.setattr(dashboard_neighbours, "ENTRIES", 25)
    generator = torch.Generator().manual_seed(0)
    directions, others = (torch.randn(n, D, generator=generator) for n in (7, 12))
    among = np.arange(12) % 4 != 0
    found, cosines = nearest_latents(directions, others, 3, among)
    unit = [
        part.double() / part.double().norm(dim=1, keepdim=True) for part in (directions, others)
    ]
    expected = (unit[0] @ unit[1].T).numpy()
    expected[:, ~among] = -2
    order = (-expected).argsort(1)[:, :3]
    np.testing.assert_array_equal(found, order)
    np.testing.assert_allclose(cosines, np.take_along_axis(expected, order, 1), atol=1e-6)
    few, _ = nearest_latents(directions, others, 3, np.arange(12) == 5)
    assert few.tolist() == [[5]] * 7
    none, _ = nearest_latents(directions[:0], others, 3)
    assert none.shape == (0, 3)
