"""Quantities looked up in tables: rows, aggregates, fallbacks, differences, and reasons."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.anatomy.report.cards.lookup import Run, cells_of
from workflow_scripts.anatomy.report.cards.quantities import Quantity, Source

WHO = SimpleNamespace(model="m", site="s", sae="a", slug="a")
Q = Quantity("q", 4, "Q", "A number.", "paper", "a key of the configuration")


def table(**columns):
    frame = pd.DataFrame(columns)
    return frame.assign(model="m", site="s", sae=frame.get("sae", "a"))


def cell(quantity, *, tables=None, missing=None, latents=None, others=()):
    tables = {("paper", name): frame for name, frame in (tables or {}).items()}
    missing = {"paper": {}} if missing is None else missing
    return cells_of([*others, quantity], Run(tables, missing), WHO, latents)["q"]


def of(**source):
    return replace(Q, sources=(Source(**{"table": "t", "column": "x", "where": {}} | source),))


def test_one_row_with_its_interval_and_number():
    found = cell(of(n="tokens"), tables={"t": table(x=[2.0], x_lo=[1.0], x_hi=[3.0], tokens=[7])})
    assert (found.value, found.lo, found.hi, found.n) == (2.0, 1.0, 3.0, 7)
    assert (found.table, found.column) == ("tables/paper/t.csv", "x")


def test_over_another_column():
    found = cell(of(over="width"), tables={"t": table(x=[2.0], x_lo=[1.0], x_hi=[3.0], width=[4])})
    assert (found.value, found.lo, found.hi) == (0.5, 0.25, 0.75)


def test_another_saes_rows_are_not_taken():
    frame = table(x=[1.0, 2.0, 3.0, 4.0], sae=["b", "a", "a", "a"])
    frame.loc[2, "site"], frame.loc[3, "model"] = "elsewhere", "other"
    assert cell(of(), tables={"t": frame}).value == 2.0


def test_two_different_rows_are_no_number():
    assert "not one number" in cell(of(), tables={"t": table(x=[1.0, 2.0])}).reason
    assert cell(of(), tables={"t": table(x=[2.0, 2.0])}).value == 2.0


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [("mean", 0.5), ("max", 3.0), ("min", -2.0), ("share_below_zero", 0.5), ("count", 5.0)],
)
def test_aggregates(aggregate, expected):
    frame = table(x=[-2.0, -1.0, 2.0, 3.0, np.nan, 9.0], kind=[*"aaaaa", "b"])
    assert cell(of(aggregate=aggregate, where={"kind": "a"}), tables={"t": frame}).value == expected


def test_a_count_may_be_nothing_and_a_mean_may_not():
    frame = table(x=[1.0], kind=["a"])
    assert cell(of(aggregate="count", where={"kind": "b"}), tables={"t": frame}).value == 0
    assert (
        "no such row" in cell(of(aggregate="mean", where={"kind": "b"}), tables={"t": frame}).reason
    )


def test_comparisons_and_booleans():
    frame = table(x=[1.0, 2.0, 3.0], f=[0.0, 0.5, 1.0], b=[True, True, False])
    assert cell(of(where={"f": ">0", "b": True}), tables={"t": frame}).value == 2.0
    assert cell(of(where={"f": "<0.25"}), tables={"t": frame}).value == 1.0


def test_the_first_place_that_has_the_sae_counts():
    places = (Source("t", "x", {}), Source("u", "x", {}, note="elsewhere"))
    both = {"t": table(x=[1.0]), "u": table(x=[2.0])}
    assert cell(replace(Q, sources=places), tables=both).value == 1.0
    both["t"] = table(x=[1.0], sae=["b"])
    found = cell(replace(Q, sources=places), tables=both)
    assert (found.value, found.note) == (2.0, "elsewhere")


def test_a_number_of_a_site_is_of_the_saes_that_it_is_among():
    source = {"sae": "", "among": "members"}
    tables = {"t": table(x=[5.0]).drop(columns="sae"), "members": table(x=[0.0])}
    assert cell(of(**source), tables=tables).value == 5.0
    tables["members"] = table(x=[0.0], sae=["b"])
    assert not cell(of(**source), tables=tables).known


@pytest.mark.parametrize(
    ("tables", "missing", "reason"),
    [
        ({}, {}, "needs `paper` in the configuration"),
        ({}, {"paper": {"t": "no such group"}}, "no such group"),
        ({}, {"paper": {}}, "needs a key of the configuration"),
        ({"t": table(x=[1.0], sae=["b"])}, None, "not measured for this SAE"),
        ({"t": table(x=[np.nan])}, None, "not a number"),
        ({"t": table(x=[np.inf])}, None, "not a number"),
    ],
)
def test_why_there_is_no_number(tables, missing, reason):
    found = cell(of(), tables=tables, missing=missing)
    assert not found.known
    assert reason in found.reason


def test_latents_are_the_saes_own():
    latents = pd.DataFrame({"latent": [0, 1], "density": [0.2, 0.05]})
    source = {"table": "latents", "column": "density", "aggregate": "count"}
    found = cell(of(**source, where={"density": ">0.1"}), latents=latents)
    assert (found.value, found.table) == (1, "latents/m/s/a/latents.csv")
    assert "no table of its latents" in cell(of(**source)).reason


def drawn(name, values):
    frame = table(x=[float(np.mean(values))])
    frame["x_draws"] = [np.asarray(values, np.float32)]
    return replace(Q, key=name, sources=(Source(name, "x", {}),)), {("paper", name): frame}


def test_a_difference_has_the_interval_of_its_draws():
    generator = np.random.default_rng(0)
    common = generator.normal(size=500)
    (a, first), (b, second) = (
        drawn("a", common + 5),
        drawn("b", common + 0.01 * generator.normal(size=500)),
    )
    quantities = [a, b, replace(Q, difference=("a", "b"))]
    found = cells_of(quantities, Run(first | second, {"paper": {}}), WHO, None)["q"]
    paired = first["paper", "a"]["x_draws"][0] - second["paper", "b"]["x_draws"][0]
    low, high = np.quantile(paired.astype(float), (0.025, 0.975))
    assert found.value == pytest.approx(5, abs=0.01)
    assert (found.lo, found.hi) == pytest.approx((low, high), abs=1e-6)
    assert found.hi - found.lo < 0.1, "what both have in common takes no part"


def test_a_difference_without_draws_has_no_interval_and_one_of_nothing_has_a_reason():
    a = replace(Q, key="a", sources=(Source("t", "x", {}),))
    b = replace(Q, key="b", sources=(Source("t", "y", {}),))
    difference = replace(Q, difference=("a", "b"))
    found = cell(difference, tables={"t": table(x=[3.0], y=[1.0])}, others=[a, b])
    assert (found.value, found.lo, found.hi) == (2.0, None, None)
    found = cell(difference, tables={"t": table(x=[3.0], y=[np.nan])}, others=[a, b])
    assert "column y" in found.reason


@pytest.mark.parametrize(("low", "known"), [(1.5, True), (0.5, False)])
def test_a_difference_only_where_the_intervals_are_apart(low, known):
    a, b = (replace(Q, key=key, sources=(Source("t", key, {}),)) for key in "ab")
    frame = table(a=[3.0], a_lo=[low], a_hi=[4.0], b=[1.0], b_lo=[0.9], b_hi=[1.1])
    apart = replace(Q, difference=("a", "b"), above=("a", "b"), unless="not to be told apart")
    found = cell(apart, tables={"t": frame}, others=[a, b])
    assert found.known == known
    assert known or found.reason == "not to be told apart"
