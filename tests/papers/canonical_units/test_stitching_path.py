"""Every point of a path against the stitched SAE built from scratch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.papers.canonical_units.stitching_worlds import (
    FIRST,
    SITE,
    VARIANTS,
    WIDTHS,
    brute_force,
    planted_dictionaries,
    planted_pair,
)
from workflow_scripts.papers.canonical_units.stitching import products as module
from workflow_scripts.papers.canonical_units.stitching.moves import (
    Moves,
    interpolation,
    random_insertions,
    thinned,
)
from workflow_scripts.papers.canonical_units.stitching.path import walk
from workflow_scripts.papers.canonical_units.stitching.similarity import (
    components,
    firing_similarity,
    similarity,
)
from workflow_scripts.papers.canonical_units.stitching.stitched import stitch


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=VARIANTS)
def pair(request, tmp_path_factory):
    return planted_pair(tmp_path_factory.mktemp("pair"), **request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return planted_pair(tmp_path_factory.mktemp("pair"))


def whole_path(pair, seed=0):
    found = similarity(pair.small.directions, pair.large.directions, 0.8)
    return interpolation(components(found), seed), found


def in_use(moves, steps):
    small = (moves.small < 0) | (moves.small >= steps)
    return small, (moves.large >= 0) & (moves.large < steps)


def assert_every_point(pair, moves, found):
    for at, steps in enumerate(found.steps):
        chosen = in_use(moves, steps)
        error2, l0 = brute_force(pair, *chosen)
        np.testing.assert_allclose(found.error2[:, at], error2.sum(1), rtol=1e-9)
        np.testing.assert_allclose(found.l0[:, at], l0.sum(1))
        assert (found.n_small[at], found.n_large[at]) == tuple(part.sum() for part in chosen)
    assert (found.count == error2.shape[1]).all()


def test_every_point_is_the_stitched_sae_from_scratch(pair, monkeypatch):
    moves, likeness = whole_path(pair)
    assert set(moves.kinds) == {"insert", "swap", "remove"}
    assert (moves.kinds == "insert").sum() == likeness.novel.sum()
    steps = np.arange(len(moves.kinds) + 1)
    for entries in (module.ENTRIES, 20):
        monkeypatch.setattr(module, "ENTRIES", entries)
        (found,) = walk(pair, [moves], [steps])
        assert_every_point(pair, moves, found)


def test_a_path_ends_at_the_larger_sae(pair):
    moves, _ = whole_path(pair)
    (found,) = walk(pair, [moves], [np.array([0, len(moves.kinds)])])
    assert (found.n_small[-1], found.n_large[-1]) == (0, WIDTHS[1])
    for at, half in ((0, pair.small), (1, pair.large)):
        tokens, summary = found.count.sum(), half.codes.summary
        np.testing.assert_allclose(found.error2[:, at].sum() / tokens, summary["mse"], rtol=1e-5)
        np.testing.assert_allclose(found.l0[:, at].sum() / tokens, summary["l0"])


def test_latents_that_never_fire_are_on_no_path(tmp_path):
    """Every point is that of two SAEs without them, their bias included, and the ends are the SAEs."""
    small, large = torch.zeros(WIDTHS[0]), torch.zeros(WIDTHS[1])
    small[[2, 7]], large[[0, 9, 15]] = -1e3, -1e3
    pair = planted_pair(tmp_path, {"b_enc": small}, {"b_enc": large})
    assert not (pair.small.fires[[2, 7]].any() or pair.large.fires[[0, 9, 15]].any())
    likeness = firing_similarity(pair.small, pair.large, 0.8)
    # Latents 2 and 3 of the larger SAE were like the silent latent 2 of the smaller one alone.
    assert likeness.novel[[2, 3]].all() and not likeness.novel[[0, 9, 15]].any()
    assert not {2, 7} & {*likeness.nearest, *likeness.edge_small}
    assert not {0, 9, 15} & {*likeness.edge_large}
    moves = interpolation(components(likeness), 0)
    assert set(moves.kinds) == {"insert", "swap", "remove"}
    (found,) = walk(pair, [moves], [np.arange(len(moves.kinds) + 1)])
    for at, steps in enumerate(found.steps):
        in_small, in_large = in_use(moves, steps)
        error2, l0 = brute_force(pair, in_small & pair.small.fires, in_large)
        np.testing.assert_allclose(found.error2[:, at], error2.sum(1), rtol=1e-9)
        np.testing.assert_allclose(found.l0[:, at], l0.sum(1))
    for at, half in ((0, pair.small), (-1, pair.large)):
        mse = found.error2[:, at].sum() / found.count.sum()
        np.testing.assert_allclose(mse, half.codes.summary["mse"], rtol=1e-5)
        assert (found.n_small + found.n_large)[at] == half.fires.sum()
    novel = np.flatnonzero(likeness.novel)
    moves = random_insertions(WIDTHS, novel, 0, likeness.silent["silent_small"])
    (found,) = walk(pair, [moves], [np.array([0, len(novel)])])
    error2, _ = brute_force(pair, pair.small.fires, likeness.novel)
    np.testing.assert_allclose(found.error2[:, 1], error2.sum(1), rtol=1e-9)


def test_an_sae_that_never_fires_has_no_counterparts(tmp_path):
    pair = planted_pair(tmp_path, {"b_enc": torch.full((WIDTHS[0],), -1e3)})
    likeness = firing_similarity(pair.small, pair.large, 0.8)
    assert (likeness.novel == pair.large.fires).all() and (likeness.nearest == -1).all()


def test_few_recorded_points_are_those_of_many(plain):
    moves, _ = whole_path(plain)
    steps = len(moves.kinds)
    points = thinned(moves, 4)
    assert len(points) < steps and {0, steps} <= set(points)
    many, few = walk(plain, [moves, moves], [np.arange(steps + 1), points])
    np.testing.assert_allclose(few.error2, many.error2[:, points], rtol=1e-12)
    np.testing.assert_allclose(few.l0, many.l0[:, points])
    (cut,) = walk(plain, [moves], [np.arange(3)])
    np.testing.assert_allclose(cut.error2, many.error2[:, :3], rtol=1e-12)


def test_several_orders_of_insertion_in_one_pass(plain):
    _, likeness = whole_path(plain)
    novel = np.flatnonzero(likeness.novel)
    orders = [random_insertions(WIDTHS, novel, seed) for seed in range(3)]
    steps = np.arange(len(novel) + 1)
    walks = walk(plain, orders, [steps] * 3)
    for moves, found in zip(orders, walks, strict=True):
        assert_every_point(plain, moves, found)
    np.testing.assert_allclose(walks[0].error2[:, -1], walks[2].error2[:, -1])
    assert not np.allclose(walks[0].error2[:, 3], walks[2].error2[:, 3])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 6))
def test_any_moves_at_all(plain, seed, steps):
    generator = np.random.default_rng(seed)
    small, large = (generator.integers(-1, steps, width) for width in WIDTHS)
    small[0] = -1
    moves = Moves(small, large, np.full(steps, "swap"))
    (found,) = walk(plain, [moves], [np.arange(steps + 1)])
    assert_every_point(plain, moves, found)


def test_a_path_swaps_components_and_takes_out_what_has_no_counterpart(plain):
    moves, likeness = whole_path(plain, seed=5)
    groups = components(likeness)
    for number in range(len(groups.n_small)):
        steps = {*moves.small[groups.small == number], *moves.large[groups.large == number]}
        assert len(steps) == 1 and moves.kinds[steps.pop()] == "swap"
    assert (moves.kinds[moves.small[groups.small < 0]] == "remove").all()
    assert (moves.kinds[moves.large[groups.large < 0]] == "insert").all()
    again, other = whole_path(plain, seed=5)[0], whole_path(plain, seed=6)[0]
    assert (again.large == moves.large).all() and (other.large != moves.large).any()


def test_a_path_without_likes_or_without_novel_latents(plain):
    for threshold, kinds in ((1.1, {"insert", "remove"}), (-1.1, {"swap"})):
        found = similarity(plain.small.directions, plain.large.directions, threshold)
        moves = interpolation(components(found), 0)
        assert set(moves.kinds) == kinds
        (walked,) = walk(plain, [moves], [np.arange(len(moves.kinds) + 1)])
        assert_every_point(plain, moves, walked)


def test_a_point_of_the_path_is_the_sae_that_is_saved(plain):
    moves, _ = whole_path(plain)
    steps = len(moves.kinds) // 2
    small, large = in_use(moves, steps)
    sae = stitch(*planted_dictionaries(), np.flatnonzero(small), np.flatnonzero(large), "half way")
    x = torch.from_numpy(plain.activations.activations(SITE)[:][:, FIRST:].reshape(-1, 6))
    codes, built = sae.reconstruct(x)
    (found,) = walk(plain, [moves], [np.array([0, steps])])
    error2 = (x - built).double().square().sum()
    np.testing.assert_allclose(found.error2[:, 1].sum(), error2, rtol=1e-5)
    assert found.l0[:, 1].sum() == codes.l0.sum()
