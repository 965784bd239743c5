"""The tables of the post, from made-up effects, beside numbers that are found token by token."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.anatomy.interventions.effects_stores import (
    FIRST,
    POSITIONS,
    planted_effects,
    planted_tokens,
)
from tests.conftest import SITE
from workflow_scripts.anatomy.base.draws import drawn
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.statistics.bootstrap import resampling_weights
from workflow_scripts.papers.pathological_errors.interventions import CONTRASTS, INTERVENTIONS
from workflow_scripts.papers.pathological_errors.tables import (
    by_width,
    controls,
    correlates,
    interventions,
    kl_histogram,
    position,
    sweep,
)

DRAWS, SEED = 60, 4
NAMES = dict.fromkeys([*INTERVENTIONS, *(name for pair in CONTRASTS for name in pair)], 2)
OTHER = "blocks.2.hook_resid_post"
LEVELS = ("distance_0.5", "distance_1", "distance_2", "cosine_0.5", "cosine_0.9")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two layers with all interventions, and a sweep, on the same contexts."""
    folder = tmp_path_factory.mktemp("effects")
    harvest = planted_tokens(folder / "heldout.zarr", contexts=60)
    one = planted_effects(folder / "one.zarr", harvest, NAMES)
    other = planted_effects(folder / "other.zarr", harvest, NAMES, seed=1, site=OTHER, l0=False)
    sizes = planted_effects(folder / "sweep.zarr", harvest, {"sae": 1} | dict.fromkeys(LEVELS, 2))
    return SimpleNamespace(harvest=harvest, one=one, other=other, sizes=sizes)


@pytest.fixture
def params():
    return SimpleNamespace(bootstrap=DRAWS, seed=SEED, quantity="kl")


def inputs(*stores, **others):
    return SimpleNamespace(effects=[store.path for store in stores], **others)


def tokens_of(store, *names):
    """Every token that was replaced: unit, position, id, and arrays by name, their draws averaged."""
    places = store.units.places(slice(0, store.shape[0]))
    columns = {"unit": places, "token": store.group["tokens"][:]}
    columns["position"] = np.broadcast_to(np.arange(POSITIONS), store.shape)
    for name in names:
        values = store.group[name][:].astype(np.float64)
        columns[name] = values.mean(-1) if values.ndim == 3 else values
    flat = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    return flat[flat["position"] >= FIRST].reset_index(drop=True)


def resampled(tokens, units, statistic):
    """The statistic on the tokens of the documents of each resample, as often as they are drawn."""
    weights = resampling_weights(units, DRAWS, SEED)
    return np.array([statistic(tokens, each[tokens["unit"]]) for each in weights])


def mean_of(name):
    return lambda tokens, w: np.nansum(w * tokens[name]) / w[tokens[name].notna()].sum()


def ratio_of(name, other):
    one, two = mean_of(name), mean_of(other)
    return lambda tokens, w: one(tokens, w) / two(tokens, w)


def check(row, column, tokens, units, statistic, drawn_of=None):
    """Value, ends and draws of a column of one row."""
    ones = np.ones(len(tokens))
    assert row[column] == pytest.approx(statistic(tokens, ones), rel=1e-6)
    found = resampled(tokens, units, statistic)
    ends = np.quantile(found, (0.025, 0.975))
    np.testing.assert_allclose([row[f"{column}_lo"], row[f"{column}_hi"]], ends, rtol=1e-5)
    if drawn_of is not None:
        np.testing.assert_allclose(drawn_of, found, rtol=1e-5)


def test_documents_are_units_and_few_enough_to_be_groups(files):
    assert 20 < files.one.units.n_groups == len(files.one.units.numbers)


def test_interventions_are_means_over_tokens_resampled_by_document(files, params):
    table = interventions.tabulate(inputs(files.one, files.other), params)["table"]
    assert table["layer"].tolist() == [1] * len(INTERVENTIONS) + [2] * len(INTERVENTIONS)
    for store, layer in ((files.one, 1), (files.other, 2)):
        part = table[table["layer"] == layer].reset_index(drop=True)
        assert part["intervention"].tolist() == list(INTERVENTIONS)
        arrays = [f"{kind}/{name}" for name in INTERVENTIONS for kind in ("kl", "ce")]
        tokens, units = tokens_of(store, *arrays, "cosine", "distance"), store.units.n_groups
        for at, row in part.iterrows():
            name = row["intervention"]
            for column, array, base in (
                ("kl", f"kl/{name}", None),
                ("ce_increase", f"ce/{name}", None),
                ("ratio", f"kl/{name}", "kl/epsilon_random"),
                ("ce_ratio", f"ce/{name}", "ce/epsilon_random"),
            ):
                statistic = mean_of(array) if base is None else ratio_of(array, base)
                check(row, column, tokens, units, statistic, drawn(part, column)[at])
        assert part["cosine"].iloc[0] == pytest.approx(tokens["cosine"].mean())
        assert part["distance"].iloc[0] == pytest.approx(tokens["distance"].mean())
    assert table.loc[table["intervention"] == "epsilon_random", "ratio"].eq(1).all()
    assert table["l0"].isna().tolist() == (table["layer"] == 2).tolist()


def test_what_enters_a_layer_is_of_the_one_before(files, params, tmp_path):
    site = "blocks.2.hook_resid_pre"
    store = planted_effects(tmp_path / "pre.zarr", files.harvest, NAMES, site=site)
    table = interventions.tabulate(inputs(store), params)["table"]
    assert set(table["layer"]) == {1}


def test_controls_are_beside_their_own_baseline(files, params):
    table = controls.tabulate(inputs(files.one), params)["table"]
    assert list(zip(table["intervention"], table["baseline"], strict=True)) == list(CONTRASTS)
    tokens = tokens_of(files.one, *(f"kl/{name}" for name in NAMES))
    for _, row in table.iterrows():
        pair = ratio_of(f"kl/{row['intervention']}", f"kl/{row['baseline']}")
        check(row, "ratio", tokens, files.one.units.n_groups, pair)


def test_rows_of_different_saes_share_their_resamples(files, params):
    """The difference of two layers is known from draws that were made apart."""
    apart = [
        by_width.tabulate(inputs(store), params)["table"] for store in (files.one, files.other)
    ]
    together = by_width.tabulate(inputs(files.one, files.other), params)["table"]
    for store in apart:
        row = together[together["site"] == store["site"].iloc[0]]
        np.testing.assert_array_equal(drawn(store, "ratio"), drawn(row, "ratio"))
    tokens = tokens_of(files.one, "kl/sae", "kl/epsilon_errors", "kl/epsilon_random")
    row = together[together["site"] == SITE].iloc[0]
    units = files.one.units.n_groups
    check(row, "ratio_errors", tokens, units, ratio_of("kl/sae", "kl/epsilon_errors"))
    check(row, "kl_random", tokens, units, mean_of("kl/epsilon_random"))


@pytest.mark.parametrize(("quantity", "low", "high"), [("kl", 0.0, 1.0), ("ce", -1.0, 1.0)])
def test_histograms_count_every_draw_once(files, params, quantity, low, high):
    params.quantity = quantity
    found = kl_histogram.tabulate(inputs(files.one), params)
    table = found["table"]
    for name, part in table.groupby("intervention"):
        values = files.one.group[f"{quantity}/{name}"][:].astype(np.float64).ravel()
        values = values[~np.isnan(values)]
        count, edges = np.histogram(values.clip(low, high), 50, (low, high))
        np.testing.assert_array_equal(part["count"], count)
        np.testing.assert_allclose([*part["left"], part["right"].iloc[-1]], edges)
        assert part["p999"].iloc[0] == pytest.approx(np.quantile(values, 0.999), rel=1e-5)
        assert part["mean"].iloc[0] == pytest.approx(values.mean(), rel=1e-5)
        assert part["beyond"].iloc[0] == pytest.approx((values > high).mean())
    assert found["quantiles"].empty == (quantity == "ce")


def test_quantiles_are_those_of_the_tokens(files, params):
    """To within a bin of the grid, which is a fortieth wide."""
    table = kl_histogram.tabulate(inputs(files.one), params)["quantiles"]
    values = {}
    for name in ("sae", "epsilon_random"):
        of_name = files.one.group[f"kl/{name}"][:].astype(np.float64).ravel()
        values[name] = of_name[~np.isnan(of_name)]
    for _, row in table.iterrows():
        exact = [np.quantile(values[name], row["quantile"]) for name in values]
        found = [row["kl_sae"], row["kl_epsilon_random"]]
        np.testing.assert_allclose(found, exact, rtol=0.05)
        assert row["ratio"] == pytest.approx(found[0] / found[1])
        assert row["ratio_lo"] <= row["ratio"] <= row["ratio_hi"]


def test_a_quantile_is_where_that_share_of_the_counts_ends():
    counts = np.zeros(len(kl_histogram.GRID) - 1)
    counts[[10, 20]] = 30, 10
    grid = kl_histogram.GRID
    assert kl_histogram.quantile_of(counts, 0.75) == pytest.approx(grid[11])
    assert kl_histogram.quantile_of(counts, 0.375) == pytest.approx((grid[10] + grid[11]) / 2)
    assert kl_histogram.quantile_of(counts, 1.0) == pytest.approx(grid[21])


def test_kl_by_position(files, params, monkeypatch):
    monkeypatch.setattr(position, "BINS", 4)
    table = position.tabulate(inputs(files.one), params)["table"]
    part = table[table["intervention"] == "sae"]
    # Ten positions in bins of three.
    assert part["first"].tolist() == [2, 5, 8, 11] and part["last"].tolist() == [4, 7, 10, 11]
    tokens = tokens_of(files.one, "kl/sae", "kl/epsilon_random")
    for _, row in part.iterrows():
        its = tokens[tokens["position"].between(row["first"], row["last"])]
        units = files.one.units.n_groups
        check(row, "kl", its, units, mean_of("kl/sae"))
        check(row, "ratio", its, units, ratio_of("kl/sae", "kl/epsilon_random"))


def test_sizes_of_random_errors_are_in_order_with_the_sae_beside(files, params):
    table = sweep.tabulate(inputs(files.sizes), params)["table"]
    levels = table[table["axis"] != sweep.TOKENS]
    assert list(zip(levels["axis"], levels["level"], strict=True)) == [
        *(("distance", level) for level in (0.5, 1.0, 2.0)),
        *(("cosine", level) for level in (0.5, 0.9)),
    ]
    names = [f"kl/{name}" for name in LEVELS]
    tokens, units = tokens_of(files.sizes, "kl/sae", "cosine", *names), files.sizes.units.n_groups
    for name, (_, row) in zip(names, levels.iterrows(), strict=True):
        check(row, "kl", tokens, units, mean_of(name))
        check(row, "kl_sae", tokens, units, mean_of("kl/sae"))
        check(row, "ratio", tokens, units, ratio_of("kl/sae", name))
    fifths = table[table["axis"] == sweep.TOKENS]
    order = tokens["cosine"].rank(method="first") - 1
    for at, (_, row) in enumerate(fifths.iterrows()):
        its = tokens[(order * 5 // len(tokens)) == at]
        assert row["part"] == at
        # Ends of the fifths are between tokens.
        assert row["level"] == pytest.approx(its["cosine"].mean(), rel=1e-2)
        assert row["ratio"] == pytest.approx(
            its["kl/sae"].mean() / its["kl/distance_1"].mean(), rel=0.1
        )


def test_correlations_are_those_of_scipy(files, params):
    table = correlates.tabulate(inputs(files.one, files.other, tokens=files.harvest.path), params)
    table = table["table"]
    arrays = ("kl/sae", "kl/epsilon_random", *correlates.PROPERTIES)
    tokens = tokens_of(files.one, *arrays)
    of_other = tokens_of(files.other, "kl/sae", "kl/epsilon_random")
    for part in (tokens, of_other):
        part["gap"] = part["kl/sae"] - part["kl/epsilon_random"]
    count = np.bincount(files.harvest.group["tokens"][:, FIRST:].ravel())
    tokens["log_frequency"] = np.log(count[tokens["token"]])
    tokens["gap_of_layer"] = of_other["gap"]
    rows = table[table["layer"] == 1].set_index(["variable", "method"])
    assert set(rows.index.get_level_values(0)) == {
        *correlates.PROPERTIES, "position", "log_frequency", "gap_of_layer",
    }  # fmt: skip
    for (variable, method), row in rows.iterrows():
        known = tokens.dropna(subset=[variable])
        function = stats.pearsonr if method == "pearson" else stats.spearmanr
        expected = function(known["gap"], known[variable]).statistic
        assert row["correlation"] == pytest.approx(expected, abs=1e-6), (variable, method)
        assert row["correlation_lo"] < row["correlation"] < row["correlation_hi"]
    assert rows.loc[("gap_of_layer", "pearson"), "other_layer"] == 2
    assert "l0" not in set(table.loc[table["layer"] == 2, "variable"])

    def correlation(part, weights):
        times = np.repeat(np.arange(len(part)), weights.astype(int))
        return stats.pearsonr(part["gap"].iloc[times], part["cosine"].iloc[times]).statistic

    row = rows.loc[("cosine", "pearson")]
    check(row, "correlation", tokens, files.one.units.n_groups, correlation)


def test_layers_on_other_contexts_are_an_error(files, params, tmp_path):
    other = planted_effects(
        tmp_path / "o.zarr", files.harvest, NAMES, contexts=range(10), site=OTHER
    )
    with pytest.raises(AnatomyError, match="is about other contexts than"):
        correlates.tabulate(inputs(files.one, other, tokens=files.harvest.path), params)
