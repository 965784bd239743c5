"""Products of active latents, and the tables made of paths and insertions, against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tests.papers.canonical_units.stitching_worlds import CONTEXTS, brute_force, planted_pair
from workflow_scripts.anatomy.base.draws import drawn
from workflow_scripts.anatomy.statistics.bootstrap import document_interval
from workflow_scripts.papers.canonical_units.stitching import products as module
from workflow_scripts.papers.canonical_units.stitching.insertion import insertions
from workflow_scripts.papers.canonical_units.stitching.moves import (
    interpolation,
    random_insertions,
    thinned,
)
from workflow_scripts.papers.canonical_units.stitching.path import walk
from workflow_scripts.papers.canonical_units.stitching.path_tables import (
    point_table,
    swap_points,
    swap_table,
)
from workflow_scripts.papers.canonical_units.stitching.products import code_products, squared_norms
from workflow_scripts.papers.canonical_units.stitching.roc import curve_table
from workflow_scripts.papers.canonical_units.stitching.similarity import components, similarity

DRAWS = 50


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), tokens=st.integers(0, 9), entries=st.sampled_from([1, 8, 2**15]))
def test_products_are_those_of_a_loop(seed, tokens, entries):
    generator = np.random.default_rng(seed)
    left = generator.normal(size=(tokens, 4))
    directions = generator.normal(size=(7, 4)).astype(np.float32)
    counts = generator.integers(0, 6, tokens)
    bounds = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
    latents, amounts = generator.integers(7, size=bounds[-1]), generator.normal(size=bounds[-1])
    kept = left.copy()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "ENTRIES", entries)
        alone = code_products(left, directions, bounds, latents)
        in_turn = code_products(left, directions, bounds, latents, amounts)
    np.testing.assert_array_equal(left, kept)
    rows = directions.astype(np.float64)
    for token in range(tokens):
        u = left[token].copy()
        for at in range(bounds[token], bounds[token + 1]):
            np.testing.assert_allclose(alone[at], left[token] @ rows[latents[at]], atol=1e-12)
            np.testing.assert_allclose(in_turn[at], u @ rows[latents[at]], atol=1e-12)
            u -= amounts[at] * rows[latents[at]]
    np.testing.assert_allclose(squared_norms(directions), (rows**2).sum(1))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A pair, the moves from one SAE to the other, and the walk along all of them."""
    pair = planted_pair(tmp_path_factory.mktemp("pair"))
    likeness = similarity(pair.small.directions, pair.large.directions, 0.8)
    moves = interpolation(components(likeness), 0)
    (walked,) = walk(pair, [moves], [np.arange(len(moves.kinds) + 1)])
    return pair, moves, walked


def test_some_points_of_a_walk(path):
    _, moves, walked = path
    points = thinned(moves, 4)
    some = walked.at(points)
    np.testing.assert_array_equal(some.steps, points)
    np.testing.assert_array_equal(some.error2, walked.error2[:, points])
    np.testing.assert_array_equal(some.n_large, walked.n_large[points])
    with pytest.raises(ValueError, match="recorded"):
        some.at(swap_points(moves))


def test_every_point_has_its_mse_and_l0(path):
    pair, moves, walked = path
    table = point_table(walked, moves, DRAWS, 3)
    assert table["phase"].tolist() == ["start", *moves.kinds]
    step = len(table) // 2
    in_small = (moves.small < 0) | (moves.small >= step)
    error2, l0 = brute_force(pair, in_small, (moves.large >= 0) & (moves.large < step))
    row = table.iloc[step]
    assert row["n_latents"] == row["n_small"] + row["n_large"]
    np.testing.assert_allclose(row["mse"], error2.mean())
    np.testing.assert_allclose(row["l0"], l0.mean())
    sums = {"error2": error2.sum(1), "count": np.full(CONTEXTS, error2.shape[1])}
    expected = document_interval(lambda s: s["error2"] / s["count"], sums, DRAWS, 3)
    np.testing.assert_allclose(row[["mse", "mse_lo", "mse_hi"]].astype(float), expected)


def test_the_ends_of_phases_and_the_highest_point_have_draws(path):
    _, moves, walked = path
    table = point_table(walked, moves, DRAWS, 3)
    phases = table["phase"].tolist()
    last = {len(phases) - 1 - phases[::-1].index(phase) for phase in set(phases)}
    for name in ("mse", "l0"):
        values = drawn(table, name)
        has = ~np.isnan(values).any(1)
        assert set(np.flatnonzero(has)) == last | {table["mse"].idxmax()}
        ends = np.quantile(values[has], (0.025, 0.975), axis=1)
        np.testing.assert_allclose(ends, table.loc[has, [f"{name}_lo", f"{name}_hi"]].T, rtol=1e-6)


def test_every_swap_has_its_effect(path):
    pair, moves, walked = path
    points = swap_points(moves)
    table = swap_table(walked.at(points), DRAWS, 3)
    assert len(table) == (moves.kinds == "swap").sum() > 1
    for swap, step in enumerate(points[:-1]):
        (before, l0_before), (after, l0_after) = (
            brute_force(
                pair,
                (moves.small < 0) | (moves.small >= steps),
                (moves.large >= 0) & (moves.large < steps),
            )
            for steps in (step, step + 1)
        )
        row = table.iloc[swap]
        assert row["n_small"] == (moves.small == step).sum()
        assert row["n_large"] == (moves.large == step).sum()
        np.testing.assert_allclose(row["delta_mse"], after.mean() - before.mean(), rtol=1e-6)
        np.testing.assert_allclose(row["delta_l0"], l0_after.mean() - l0_before.mean())
        relative = 100 * (after.sum() / before.sum() - 1)
        np.testing.assert_allclose(row["delta_mse_percent"], relative, rtol=1e-6)
        assert row["delta_mse_lo"] <= row["delta_mse"] <= row["delta_mse_hi"]


def test_a_path_without_swaps_has_an_empty_table(path):
    pair, _, _ = path
    moves = random_insertions((pair.small.width, pair.large.width), np.arange(3), 0)
    (walked,) = walk(pair, [moves], [np.arange(4)])
    assert len(swap_table(walked.at(swap_points(moves)), DRAWS, 0)) == 0


def test_the_curve_of_a_pair_is_thinned_and_has_its_area(path):
    pair, _, _ = path
    cosine = similarity(pair.small.directions, pair.large.directions, 0.8).max_cosine
    change = insertions(pair).change
    helps = change.sum(0) < 0
    assert helps.any() and not helps.all()
    whole, few = (curve_table(cosine, change, points, DRAWS, 0) for points in (1000, 5))
    assert len(whole) == len(np.unique(cosine)) + 1 and len(few) == 5
    np.testing.assert_allclose(whole["auc_of_curve"], roc_auc_score(helps, -cosine))
    assert few["auc"].iloc[0] == whole["auc"].iloc[0]
    assert (whole["auc_lo"] <= whole["auc"]).all() and (whole["auc"] <= whole["auc_hi"]).all()
    assert few[["fpr", "tpr"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
