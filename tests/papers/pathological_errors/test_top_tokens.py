"""The table of tokens with the largest gaps: means whose intervals are over documents, and their ranks."""

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
from workflow_scripts.anatomy.base.tables import read_table, write_table
from workflow_scripts.papers.pathological_errors.tables import top_tokens


def effects_of(ids, gaps, units):
    """As much of a store as is looked at, of a single context: token, gap and document one by one."""
    arrays = {"kl/sae": np.array(gaps, float)[None], "kl/epsilon_random": np.zeros((1, len(gaps)))}
    return SimpleNamespace(
        group={"tokens": np.array(ids)[None]},
        units=SimpleNamespace(places=lambda block: np.array(units)[None][block]),
        blocks=lambda: [slice(0, 1)],
        values=lambda name, block: arrays[name][block],
    )


def rows_of(rows):
    """The table of (token, gap, document), by token."""
    return top_tokens.gaps_by_token(effects_of(*zip(*rows, strict=True))).set_index("token_id")


def by_hand(gaps, units):
    """Mean and the ends of its interval, the variance robust to documents as a regression on a constant has it."""
    y, documents = np.asarray(gaps, float), np.unique(units)
    design = np.ones((len(y), 1))
    bread = np.linalg.inv(design.T @ design)
    residual = y - design @ (bread @ design.T @ y)
    meat = np.zeros((1, 1))
    for each in documents:
        score = design[units == each].T @ residual[units == each]
        meat += np.outer(score, score)
    count = len(documents)
    variance = count / (count - 1) * (bread @ meat @ bread)[0, 0]
    half = stats.t.ppf(0.975, count - 1) * np.sqrt(variance)
    return y.mean() - half, y.mean() + half


def test_mean_gaps_of_tokens_with_an_interval_over_documents(tmp_path, monkeypatch):
    """And ranks by either; of a store as it is on disk."""
    harvest = planted_tokens(tmp_path / "heldout.zarr", contexts=60)
    names = {"sae": 2, "epsilon_random": 2}
    store = planted_effects(tmp_path / "one.zarr", harvest, names)
    places = store.units.places(slice(0, store.shape[0]))
    kl = [store.group[f"kl/{name}"][:].astype(np.float64).mean(-1) for name in names]
    columns = {"unit": places, "token": store.group["tokens"][:], "gap": kl[0] - kl[1]}
    columns["position"] = np.broadcast_to(np.arange(POSITIONS), store.shape)
    tokens = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    tokens = tokens[tokens["position"] >= FIRST]
    counts = tokens["token"].value_counts()
    monkeypatch.setattr(top_tokens, "LEAST", int(counts.sort_values().iloc[1]))
    table = top_tokens.gaps_by_token(store)
    assert set(table["token_id"]) == set(counts.index) - {counts.idxmin()}
    for _, row in table.iterrows():
        its = tokens[tokens["token"] == row["token_id"]]
        ends = by_hand(its["gap"].to_numpy(), its["unit"].to_numpy())
        np.testing.assert_allclose([row["mean_gap_lo"], row["mean_gap_hi"]], ends)
        assert row["mean_gap"] == pytest.approx(its["gap"].mean())
        assert row["sd_gap"] == pytest.approx(its["gap"].std())
        assert (row["occurrences"], row["documents"]) == (len(its), its["unit"].nunique())
        assert row["documents"] < row["occurrences"]
    for rank, column in (("rank", "mean_gap"), ("rank_sure", "mean_gap_lo")):
        assert table.sort_values(rank)[column].is_monotonic_decreasing
        assert sorted(table[rank]) == list(range(1, len(table) + 1))


def test_with_one_occurrence_a_document_the_interval_is_students():
    gaps = np.random.default_rng(1).gamma(2, 1, 9)
    row = rows_of([(4, gap, document) for document, gap in enumerate(gaps)]).loc[4]
    expected = stats.t.interval(0.95, 8, gaps.mean(), stats.sem(gaps))
    np.testing.assert_allclose([row["mean_gap_lo"], row["mean_gap_hi"]], expected)


def test_repeating_a_document_teaches_nothing():
    """Copies of what each document has leave the interval as it is."""
    rows = [(4, gap, document) for document, gap in enumerate([1.0, 2.0, 4.0, 3.0, 2.5])]
    once, often = rows_of(rows).loc[4], rows_of(rows * 20).loc[4]
    assert (once["occurrences"], often["occurrences"]) == (5, 100)
    for end in ("mean_gap_lo", "mean_gap_hi"):
        assert often[end] == pytest.approx(once[end])


def test_a_token_of_one_document_has_no_end_and_the_last_rank():
    """However large and alike its gaps are."""
    one = [(1, gap, 0) for gap in (5.0, 5.1, 4.9, 5.0, 5.0, 5.1)]
    several = [(2, 0.1 * at, at) for at in range(6)]
    noise = [(3, (-1) ** at * 9.0, at) for at in range(6)]
    table = rows_of(one + several + noise)
    assert table.loc[1, "mean_gap_lo"] == -np.inf and table.loc[1, "mean_gap_hi"] == np.inf
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["rank_sure"].tolist() == [3, 1, 2]
    assert table["documents"].tolist() == [1, 6, 6]


@pytest.fixture
def tabulated(monkeypatch):
    """The table of more tokens than are shown, half of one document, the larger their id the larger the gap."""
    ids = range(1, 61)
    rows = [(each, each + 0.01 * at, 0 if each % 2 else at) for each in ids for at in range(6)]
    store = effects_of(*zip(*rows, strict=True))
    monkeypatch.setattr(top_tokens, "open_effects", lambda path: store)
    monkeypatch.setattr(top_tokens, "means_of", lambda *_: None)
    monkeypatch.setattr(top_tokens, "who", lambda *_: {"sae": "planted"})
    strings = [f"t{each}" for each in range(61)]
    monkeypatch.setattr(
        "workflow_scripts.anatomy.text.tokenization.token_strings", lambda _: strings
    )
    given = SimpleNamespace(effects="effects", tokenizer="tokenizer")

    def table(few=False):
        monkeypatch.setattr(top_tokens, "SHOWN", 40 if few else 20)
        return top_tokens.tabulate(given, SimpleNamespace(bootstrap=10, seed=0))["table"]

    return table


def test_the_sure_ones_are_of_several_documents(tabulated):
    table = tabulated()
    assert table["token_id"].tolist() == [*range(60, 40, -1), *range(40, 20, -2)]
    by_end = table[table["listed"] == "lower end"]
    assert (by_end["documents"] > 1).all() and np.isfinite(by_end["mean_gap_lo"]).all()
    # With too few tokens of several documents, none of one fills the list.
    few = tabulated(few=True)
    assert (few.loc[few["listed"] == "lower end", "documents"] > 1).all()


def test_ends_that_are_infinite_are_read_as_they_were_written(tabulated, tmp_path):
    table = tabulated()
    write_table(tmp_path / "top_tokens.csv", table)
    again = read_table(tmp_path / "top_tokens.csv")
    pd.testing.assert_frame_equal(again, table, check_dtype=False)
    assert np.isneginf(again["mean_gap_lo"]).sum() == 10
