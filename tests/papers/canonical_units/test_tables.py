"""The tables of the stitched figures, called as a notebook would call them, on two planted SAEs."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.conftest import SITE
from tests.papers.canonical_units.stitching_worlds import (
    CONTEXTS,
    FIRST,
    POSITIONS,
    WIDTHS,
    planted_pair,
)
from tests.running import run_script
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.anatomy.saes.dictionary_file import description
from workflow_scripts.papers.canonical_units.stitching import described
from workflow_scripts.papers.canonical_units.tables import (
    fig4,
    fig5,
    fig10,
    fig11,
    fig14,
    fig15,
    fig18,
    fig20,
)

THRESHOLD, DRAWS, SEED = 0.8, 50, 3
TOKENS = CONTEXTS * (POSITIONS - FIRST)
PAIR = {"sae_small": "sae-w8", "sae_large": "sae-w20", "width_small": 8, "width_large": 20}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What a rule gives, the wider SAE first: chains are sorted by width where they are stitched."""
    pair = planted_pair(tmp_path_factory.mktemp("tables"))
    saes = [pair.activations.path.parent / f"{half.name}.safetensors" for half in _halves(pair)]
    assert [description(path)["metadata"]["width"] for path in saes] == list(WIDTHS[::-1])
    return SimpleNamespace(
        activations=pair.activations.path,
        saes=saes,
        codes=[half.codes.path for half in _halves(pair)],
    )


def _halves(pair):
    return pair.large, pair.small


@pytest.fixture
def params():
    return SimpleNamespace(
        site=SITE,
        threshold=THRESHOLD,
        analysis={"bootstrap": DRAWS},
        seed=SEED,
        curve=False,
        swaps=False,
    )


@pytest.mark.parametrize("module", [fig4, fig5, fig10, fig11, fig14, fig15, fig18])
def test_every_row_says_of_which_pair_it_is(files, params, module):
    for table in module.tabulate(files, params).values():
        assert len(table)
        for column, value in PAIR.items():
            assert set(table[column]) == {value}
        assert set(table["model"]) == {"planted"} and set(table["site"]) == {SITE}


def test_the_curve_is_made_where_it_is_asked_for(files, params):
    alone = fig4.tabulate(files, params)
    params.curve = True
    both = fig4.tabulate(files, params)
    assert list(alone) == ["table"] and list(both) == ["table", "curve"]
    pd.testing.assert_frame_equal(alone["table"], both["table"])
    table = both["table"]
    assert table["latent"].tolist() == list(range(WIDTHS[1]))
    # Latents that never fire are rows of the table, but neither novel nor points of the curve.
    fires = table["activation_frequency"] > 0
    assert (table["novel"] == ((table["max_cosine"] < THRESHOLD) & fires)).all()
    assert set(table["silent_large"]) == {(~fires).sum()} == {1}
    thresholds = set(both["curve"]["threshold"]) - {np.inf}
    assert thresholds == set(table["max_cosine"][fires])
    assert set(both["curve"]["novel_below"]) == {THRESHOLD}


def test_what_stitching_says_of_a_latent_is_what_the_figures_say(files, params, tmp_path):
    changes = fig4.tabulate(files, params)["table"]
    groups, edges = fig15.tabulate(files, params).values()
    write_table(tmp_path / "fig4.csv", changes)
    given = {**vars(files), "insertions": tmp_path / "fig4.csv"}
    run_script(
        "describe_stitched_latents",
        tmp_path / "log",
        input=given,
        output={"table": tmp_path / "stitched.csv"},
        params={"described_by": described.__name__, "threshold": THRESHOLD},
    )
    table = read_table(tmp_path / "stitched.csv")
    larger, smaller = (part.reset_index(drop=True) for _, part in table.groupby(~table["larger"]))
    assert (larger["sae"] + larger["other"]).unique().tolist() == ["sae-w20sae-w8"]
    assert (larger["group"] == "alone").tolist() == changes["novel"].tolist()
    fires = changes["activation_frequency"] > 0
    assert ((larger["group"] == "silent") == ~fires).all()
    for mine, theirs in {"cosine": "max_cosine", "nearest": "nearest"}.items():
        np.testing.assert_allclose(larger[mine], changes[theirs], rtol=1e-6)
    for name in ("delta_mse", "delta_mse_lo", "delta_mse_hi", "mse_small"):
        np.testing.assert_allclose(larger[name], changes[name], rtol=1e-9)
        assert smaller[name].isna().all()
    for side, part in (("n_large", larger), ("n_small", smaller)):
        expected = groups.groupby("kind")[side].sum().to_dict()
        found = part[part["group"].isin(expected)].groupby("group").size().to_dict()
        assert found == expected
    for edge in edges.itertuples():
        assert (
            larger["group"][edge.latent_large] == smaller["group"][edge.latent_small] == edge.kind
        )


def test_swaps_are_recorded_where_they_are_asked_for(files, params):
    alone = fig5.tabulate(files, params)
    params.swaps = True
    both = fig5.tabulate(files, params)
    assert list(alone) == ["table"] and list(both) == ["table", "swaps"]
    # Sums are added up between recorded points, so that the last digits may differ.
    pd.testing.assert_frame_equal(alone["table"], both["table"], rtol=1e-9)
    table = both["table"]
    assert table["step"].tolist() == list(range(len(table)))
    assert len(both["swaps"]) == (table["phase"] == "swap").sum() > 0


def test_the_histogram_has_every_latent(files, params):
    table, latents = (module.tabulate(files, params)["table"] for module in (fig10, fig4))
    assert table["count_all"].sum() == WIDTHS[1]
    assert table["count"].sum() == (latents["activation_frequency"] > 0).sum() < WIDTHS[1]
    assert set(table["novel_latents"]) == {latents["novel"].sum()}
    assert set(table["novel_latents_all"]) == {(latents["max_cosine"] < THRESHOLD).sum()}


def test_like_pairs_are_compared_and_others_beside_them(files, params):
    table = fig11.tabulate(files, params)["table"]
    cosine = table["decoder_cosine"]
    assert (cosine >= fig11.ABOVE).any() and (cosine < fig11.ABOVE).any()
    assert not table.duplicated(["latent_small", "latent_large"]).any()
    assert table["r2"].nunique() == 1


def test_tokens_are_those_where_a_latent_is_active_and_the_others(files, params):
    table = fig14.tabulate(files, params)["table"]
    assert (table.groupby("latent")["tokens"].sum() == TOKENS).all()
    assert set(table.groupby("latent")["active"].agg(tuple)) == {(True, False)}
    for size in ("small", "large"):
        error2 = table["tokens"] * table[f"mse_{size}"]
        totals = error2.groupby(table["latent"]).sum()
        np.testing.assert_allclose(totals, totals.iloc[0])
        active, rest = (table[table["active"] == each] for each in (True, False))
        expected = active[f"mse_{size}"].to_numpy() - rest[f"mse_{size}"].to_numpy()
        for rows in (active, rest):
            np.testing.assert_allclose(rows[f"increase_{size}"], expected, rtol=1e-9)
            # Tokens where a latent fires and others of the same document have little in common here.
            assert (rows[f"increase_{size}_lo"] < rows[f"increase_{size}_hi"]).mean() > 0.9
    gap = table["increase_small"] - table["increase_large"]
    np.testing.assert_allclose(table["increase_gap"], gap, rtol=1e-9, atol=1e-9)


def test_edges_are_those_of_their_components(files, params):
    table, edges = fig15.tabulate(files, params).values()
    kinds = table.set_index("component")["kind"]
    assert (edges["kind"].to_numpy() == kinds[edges["component"]].to_numpy()).all()
    assert (edges["cosine"] >= THRESHOLD).all()
    sizes = edges.groupby("component")[["latent_small", "latent_large"]].nunique()
    drawn = table.set_index("component").loc[sizes.index, ["n_small", "n_large"]]
    assert sizes.to_numpy().tolist() == drawn.to_numpy().tolist()
    assert (sizes.sum(axis=1) <= fig15.DRAWN_LATENTS).all()
    assert sizes.groupby(kinds[sizes.index]).size().max() <= fig15.EXAMPLES


def test_every_order_ends_with_all_novel_latents(files, params):
    table = fig18.tabulate(files, params)["table"]
    assert table["order"].unique().tolist() == list(range(fig18.ORDERS))
    novel = fig4.tabulate(files, params)["table"]["novel"].sum()
    ends = table.groupby("order").last()
    assert set(ends["n_added"]) == {novel}
    np.testing.assert_allclose(ends["mse_change"], ends["mse_change"].iloc[0])
    starts = table.groupby("order").first()
    assert (starts[["n_added", "mse_change"]] == 0).all(axis=None)


def test_biases_are_compared_both_ways(files, params):
    table = fig20.tabulate(files, params)["table"]
    assert list(zip(table["sae"], table["other"], strict=True)) == list(
        permutations(["sae-w20", "sae-w8"], 2)
    )
    assert table["cosine"].iloc[0] == pytest.approx(table["cosine"].iloc[1])
    assert table["norm_ratio"].prod() == pytest.approx(1)
