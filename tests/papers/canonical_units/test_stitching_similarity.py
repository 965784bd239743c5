"""Decoder cosines against brute force, and groups of likes against networkx."""

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.metrics.pairwise import cosine_similarity

from tests.conftest import random_dictionary
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.anatomy.statistics.ratio_intervals import add_by_group, ratio_intervals
from workflow_scripts.papers.canonical_units.stitching import similarity as module
from workflow_scripts.papers.canonical_units.stitching.roc import areas, receiver_curve
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    KINDS,
    Similarity,
    components,
    cosines_of,
    similarity,
)
from workflow_scripts.papers.canonical_units.stitching.stitched import stitch


def rows(width, d=5, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(width, d)) * generator.uniform(0.2, 3, size=(width, 1))


def test_cosines_are_those_of_scikit_learn_whatever_the_blocks(monkeypatch):
    small, large = rows(23), rows(41, seed=1)
    large[3] = 2 * small[17]
    expected = cosine_similarity(large, small)
    found = []
    for block in (1000, 7):
        monkeypatch.setattr(module, "ROWS", block)
        monkeypatch.setattr(module, "COLUMNS", block)
        found.append(similarity(torch.tensor(small), torch.tensor(large), 0.6))
    for each in found:
        np.testing.assert_allclose(each.max_cosine, expected.max(1), atol=1e-6)
        assert (each.nearest == expected.argmax(1)).all()
        assert (each.novel == (expected.max(1) < 0.6)).all()
        assert 0 < each.novel.sum() < 41
        larger, smaller = np.nonzero(expected >= 0.6)
        assert (each.edge_large == larger).all() and (each.edge_small == smaller).all()
        np.testing.assert_allclose(each.edge_cosine, expected[larger, smaller], atol=1e-6)
    pairs = (np.array([17, 0]), np.array([3, 5]))
    np.testing.assert_allclose(
        cosines_of(torch.tensor(small), torch.tensor(large), pairs), [1, expected[5, 0]], atol=1e-6
    )


def test_a_direction_of_zeros_is_like_nothing():
    small, large = torch.tensor(rows(3)), torch.tensor(rows(4, seed=1))
    large[2] = 0
    found = similarity(small, large, 0.1)
    assert found.max_cosine[2] == 0 and found.novel[2]


def planted(widths, edges):
    ordered = sorted(edges, key=lambda edge: edge[::-1])
    smaller, larger = np.array(ordered, np.int64).reshape(-1, 2).T
    nothing = np.zeros(widths[1], np.float32)
    cosines, fires = np.ones(len(edges)), (np.ones(width, bool) for width in widths)
    return Similarity(widths, 0.7, nothing, nothing.astype(int), smaller, larger, cosines, *fires)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 8), st.integers(1, 12)).flatmap(
        lambda w: st.tuples(
            st.just(w), st.sets(st.tuples(st.integers(0, w[0] - 1), st.integers(0, w[1] - 1)))
        )
    )
)
def test_components_are_those_of_networkx(case):
    widths, edges = case
    found = components(planted(widths, edges))
    graph = networkx.Graph((("small", i), ("large", j)) for i, j in edges)
    expected = list(networkx.connected_components(graph))
    assert len(found.n_small) == len(expected)
    assert (found.small >= 0).sum() == sum(side == "small" for side, _ in graph)
    for group in expected:
        members = {side: [i for s, i in group if s == side] for side in ("small", "large")}
        (number,) = {*found.small[members["small"]], *found.large[members["large"]]}
        sizes = len(members["small"]), len(members["large"])
        assert sizes == (found.n_small[number], found.n_large[number])
        assert found.kinds[number] == KINDS[2 * (sizes[0] > 1) + (sizes[1] > 1)]


def test_types_of_components():
    edges = {(0, 0), (1, 1), (1, 2), (2, 3), (3, 3), (4, 4), (5, 4), (5, 5)}
    found = components(planted((7, 7), edges))
    assert [found.kinds[found.small[i]] for i in (0, 1, 2, 4)] == list(KINDS)
    assert found.small[6] == found.large[6] == -1


@pytest.mark.parametrize("tied", [False, True])
def test_the_curve_and_its_area_are_those_of_scikit_learn(tied):
    generator = np.random.default_rng(3)
    cosine = generator.uniform(0, 1, 200)
    cosine = cosine.round(1) if tied else cosine
    change = generator.normal(size=200) + cosine - 0.5
    thresholds, false, true = receiver_curve(cosine, change < 0)
    expected_false, expected_true, _ = roc_curve(change < 0, -cosine, drop_intermediate=False)
    np.testing.assert_allclose(false, expected_false)
    np.testing.assert_allclose(true, expected_true)
    at = len(thresholds) // 2
    assert true[at] == (cosine[change < 0] < thresholds[at]).mean()
    area, influence = areas(cosine, np.stack([change, -change]) < 0)
    np.testing.assert_allclose(
        area, [roc_auc_score(change < 0, -cosine), roc_auc_score(change > 0, -cosine)]
    )
    # DeLong's placements, one latent at a time.
    for latent in (0, 57, 123):
        others = cosine[(change < 0) != (change[latent] < 0)]
        higher = (others > cosine[latent]).mean() + (others == cosine[latent]).mean() / 2
        placement = higher if change[latent] < 0 else 1 - higher
        own = ((change < 0) == (change[latent] < 0)).sum()
        assert influence[0, latent] == pytest.approx((placement - area[0]) / own)
    assert np.isnan(areas(cosine, np.abs(change)[None] < 0)[0]).all()


def test_intervals_of_many_columns_are_those_of_each():
    generator = np.random.default_rng(5)
    numerator, count = generator.normal(size=(30, 4)), generator.integers(1, 9, 30).astype(float)
    numerator[:, 3] = 0
    denominator = np.tile(count[:, None], 4)
    denominator[3:, 2] = 0
    found = ratio_intervals(numerator, denominator, 300, 7)
    for column in (0, 1, 3):
        sums = {"top": numerator[:, column], "bottom": denominator[:, column]}
        expected = document_interval(lambda s: s["top"] / s["bottom"], sums, 300, 7)
        np.testing.assert_allclose([part[column] for part in found], expected, atol=1e-12)
        shared = ratio_intervals(numerator, count, 300, 7)
        np.testing.assert_allclose([part[column] for part in shared], expected, atol=1e-12)
    assert np.isnan(ratio_intervals(numerator[:1], count[:1], 10, 0)[1]).all()


def test_sums_by_group_are_those_of_a_loop():
    generator = np.random.default_rng(1)
    groups, columns = generator.integers(3, 6, 50), generator.integers(0, 4, 50)
    values, found, expected = generator.normal(size=50), np.ones((9, 4)), np.ones((9, 4))
    add_by_group(found, groups, columns, values)
    for group, column, value in zip(groups, columns, values, strict=True):
        expected[group, column] += value
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ({}, {}),
        ({"subtract_b_dec": True, "input_scale": 0.5}, {"input_scale": 2.0}),
        ({"center": True}, {"center": True, "subtract_b_dec": True}),
        ({"activation": "jumprelu", "threshold": torch.full((8,), 0.4)}, {"input_scale": 1.5}),
    ],
)
def test_a_stitched_sae_is_the_sum_of_its_latents(small, large):
    first, second = random_dictionary(6, 8, 0, **small), random_dictionary(6, 14, 1, **large)
    chosen = np.array([0, 2, 3, 7]), np.array([1, 4, 5, 9, 11, 13])
    x = torch.randn(200, 6, generator=torch.Generator().manual_seed(2)) + 0.3
    expected = torch.zeros(200, 6, dtype=torch.float64)
    for sae, latents, share in zip((first, second), chosen, (0.4, 0.6), strict=True):
        dense = sae.encode(x).to_dense(sae.width)[:, latents].double()
        expected += dense @ sae.W_dec[latents].double() / sae.input_scale
        expected += share * sae.b_dec.double() / sae.input_scale
    if first.center:
        expected += x.mean(-1, keepdim=True)
    stitched = stitch(first, second, *chosen, "both")
    codes, found = stitched.reconstruct(x)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-6)
    own = torch.cat(
        [
            sae.encode(x).to_dense(sae.width)[:, latents]
            for sae, latents in zip((first, second), chosen, strict=True)
        ],
        1,
    )
    np.testing.assert_allclose(codes.to_dense(10).numpy(), own.numpy(), atol=2e-6)


def test_a_stitched_sae_is_saved_like_any_other(tmp_path):
    from workflow_scripts.anatomy.saes.dictionary import load_dictionary

    stitched = stitch(
        random_dictionary(6, 8), random_dictionary(6, 14, 1), np.arange(8), np.arange(3), "grown"
    )
    stitched.save(tmp_path / "sae.safetensors")
    again = load_dictionary(tmp_path / "sae.safetensors")
    assert again.name == "grown" and again.width == 11
    assert again.metadata["source"] == "8 latents of sae-w8, 3 of sae-w14"
    assert torch.equal(again.W_dec, stitched.W_dec)


def test_saes_that_cannot_be_stitched_say_why():
    plain, some = random_dictionary(6, 8), np.arange(2)
    topk = random_dictionary(6, 8, activation="topk", k=3)
    with pytest.raises(AnatomyError, match="TopK"):
        stitch(topk, plain, some, some, "x")
    with pytest.raises(AnatomyError, match="dimensions"):
        stitch(plain, random_dictionary(5, 8), some, some, "x")
    with pytest.raises(AnatomyError, match="centres"):
        stitch(plain, random_dictionary(6, 8, center=True), some, some, "x")
    scaling = random_dictionary(6, 8, normalisation="layer_norm", center=True)
    with pytest.raises(AnatomyError, match=r"by itself \(layer_norm\).*: stitching needs"):
        stitch(scaling, scaling, some, some, "x")
    with pytest.raises(AnatomyError, match="no latents"):
        stitch(plain, plain, some[:0], some[:0], "x")
