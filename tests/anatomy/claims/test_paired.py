"""Contrasts of rows that were resampled over the same documents, against resampling by hand."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from tests.running import run_script
from workflow_scripts.anatomy.base.draws import DRAWS, save_draws
from workflow_scripts.anatomy.base.tables import read_table, with_draws, write_table
from workflow_scripts.anatomy.claims.changes import mean_change
from workflow_scripts.anatomy.claims.claim import Claim, Tables, evaluate
from workflow_scripts.anatomy.claims.contrasts import fitted_slope
from workflow_scripts.anatomy.claims.counts import mean_of
from workflow_scripts.anatomy.claims.measures import (
    columns,
    combination,
    decrease,
    difference,
    gap,
    label_gap,
    slope,
)
from workflow_scripts.anatomy.claims.paired import drawn
from workflow_scripts.anatomy.claims.rule import HOLDS, UNDECIDED, negative, positive
from workflow_scripts.anatomy.statistics.bootstrap import document_interval, resampling_weights

DOCUMENTS, DRAWN, SEED = 60, 2000, 3


def sums_of(seed, rows, shared, own=0.1):
    """Sums of documents, count (G,) and one array (G,) a row: means 1, 2, ... that share an effect of
    each document of size `shared`, and have one of their own of size `own`."""
    generator = np.random.default_rng(seed)
    count = 20.0 + generator.integers(0, 60, DOCUMENTS)
    effect = shared * generator.normal(size=DOCUMENTS)
    each = generator.normal(size=(rows, DOCUMENTS)) * own
    return count, (1 + 0.1 * np.arange(rows)[:, None] + effect + each) * count


def table_of(count, sums, draws=DRAWN, seed=SEED, **names):
    """A row for each array of sums, with its mean, interval and draws."""
    names = {name: sums for name in names} or {"y": sums}
    rows = []
    for at in range(len(sums)):
        row = {"model": "m", "site": "s", "sae": f"w{at}", "width": 2.0**at}
        for name, parts in names.items():
            given = {"y": parts[at], "n": count}
            row |= with_draws(
                name, document_interval(lambda s: s["y"] / s["n"], given, draws, seed)
            )
        rows.append(row)
    return pd.DataFrame(rows)


def without(table):
    return table.drop(columns=[name for name in table if name.endswith(DRAWS)])


def by_hand(count, sums, statistic, draws=DRAWN, seed=SEED):
    """Quantiles of a statistic of the rows' means, documents repeated as often as they are drawn."""
    found = []
    for often in resampling_weights(DOCUMENTS, draws, seed).astype(int):
        chosen = np.repeat(np.arange(DOCUMENTS), often)
        found.append(statistic(sums[:, chosen].sum(1) / count[chosen].sum()))
    return np.quantile(found, (0.025, 0.975))


@cache
def world(shared=0.5):
    return sums_of(0, 3, shared)


def measured(table, measure):
    return measure(Tables({"t": table}, (), 0))


def test_a_difference_is_that_of_the_same_documents():
    """Where the careful rule leaves open what single resamples decide."""
    table = table_of(*world())
    weights = np.array([-1.0, 1.0, 0.0])
    found, careful = (combination(each, "y", weights) for each in (table, without(table)))
    low, high = by_hand(*world(), lambda means: means[1] - means[0])
    assert (found.lo, found.hi) == pytest.approx((low, high), abs=1e-6)
    assert found.value == careful.value
    assert (found.over, careful.over) == ("paired documents", "documents")
    assert positive().verdict(found.value, found.lo, found.hi) == HOLDS
    assert positive().verdict(careful.value, careful.lo, careful.hi) == UNDECIDED
    # And other documents drawn say the same, up to chance.
    other = by_hand(*world(), lambda means: means[1] - means[0], draws=4000, seed=99)
    assert np.abs(other - (low, high)).max() < 0.1 * (high - low)


def test_a_single_row_has_the_interval_of_its_table():
    table = table_of(*world())
    found = combination(table, "y", np.array([0.0, 1.0, 0.0]))
    assert (found.lo, found.hi) == pytest.approx((table["y_lo"][1], table["y_hi"][1]), abs=1e-6)


def test_sides_that_have_nothing_in_common_are_as_far_apart_as_ever():
    """Two independent means of documents of one length, which would be in common."""
    generator, ratio = np.random.default_rng(5), []
    for _ in range(40):
        sums = 1 + generator.normal(size=(2, DOCUMENTS))
        table = table_of(np.ones(DOCUMENTS), sums)
        found, careful = (
            combination(each, "y", np.array([1.0, -1.0])) for each in (table, without(table))
        )
        ratio.append((found.hi - found.lo) / (careful.hi - careful.lo))
    assert np.mean(ratio) == pytest.approx(1, abs=0.03)


def test_rows_that_move_together_entirely_are_as_the_careful_rule_has_them():
    count, sums = world()
    table = table_of(count, np.stack([sums[0], sums[0]]))
    found, careful = (combination(each, "y", np.full(2, 0.5)) for each in (table, without(table)))
    assert (found.lo, found.hi) == pytest.approx((careful.lo, careful.hi), abs=1e-6)


def test_two_columns_of_a_row_are_paired():
    count, sums = world()
    table = table_of(count, sums)
    for name, column in table_of(count, sums[::-1]).items():
        if name.startswith("y"):
            table[name.replace("y", "z")] = column
    found = difference(table, "y", "z", np.array([1.0, 1.0, -1.0]))
    low, high = by_hand(count, sums, lambda m: (m - m[::-1]) @ [1 / 3, 1 / 3, -1 / 3])
    assert (found.lo, found.hi) == pytest.approx((low, high), abs=1e-6)
    assert measured(table, gap(["t"], "y", "z")).over == "paired documents"
    assert measured(without(table), gap(["t"], "y", "z")).over == "documents"


def test_labels_are_paired():
    table = table_of(*world()).assign(kind=["a", "b", "b"])
    found = measured(table, label_gap("t", "y", "kind", "b", "a"))
    low, high = by_hand(*world(), lambda means: (means[1] + means[2]) / 2 - means[0])
    assert (found.lo, found.hi) == pytest.approx((low, high), abs=1e-6)


def test_a_relative_change_is_relative_to_what_is_drawn():
    table = table_of(*world())
    steps = [(1, 0, 0), (2, 1, 0)]
    found = mean_change(table, "y", steps)
    low, high = by_hand(*world(), lambda m: ((m[1] - m[0]) / m[0] + (m[2] - m[1]) / m[0]) / 2)
    assert (found.lo, found.hi) == pytest.approx((low, high), abs=1e-5)
    assert mean_change(without(table), "y", steps).value == pytest.approx(found.value)


@pytest.mark.parametrize("log", [False, True])
def test_a_slope_has_the_documents_error_of_its_draws(log):
    """Beside the spread about the line, which is that of the same slope without intervals."""
    count, sums = sums_of(1, 5, 0.3)
    table = table_of(count, sums)
    found = measured(table, slope(["t"], "y", "width", log=log))
    bare = table.drop(columns=[name for name in table if name.startswith("y_")])
    spread = measured(bare, slope(["t"], "y", "width", log=log))
    octaves = np.arange(5.0)

    def fitted(means):
        return np.polyfit(octaves, np.log(means) if log else means, 1)[0]

    scale = np.log1p if log else np.asarray
    value, low, high, bare_low = scale([found.value, found.lo, found.hi, spread.lo])
    ends = by_hand(count, sums, fitted)
    expected = value + np.hypot(value - bare_low, ends - value) * [-1, 1]
    assert (low, high) == pytest.approx(expected, rel=1e-4)
    assert found.over == "paired documents and SAEs"
    assert (
        measured(without(table), slope(["t"], "y", "width", log=log)).over == "documents and SAEs"
    )


def test_a_slope_of_a_difference_takes_both_columns():
    count, sums = sums_of(1, 5, 0.3)
    table = table_of(count, sums)
    table[["z", "z_lo", "z_hi", f"z{DRAWS}"]] = table[["y", "y_lo", "y_hi", f"y{DRAWS}"]]
    found = measured(table, slope(["t"], "y", "width", minus="z"))
    assert (found.value, found.lo, found.hi) == pytest.approx((0, 0, 0), abs=1e-12)


def test_a_decrease_adds_what_of_the_documents_error_is_left():
    count, sums = world()
    table = table_of(count, sums)
    half = table_of(count, sums / 2)
    table[["z", f"z{DRAWS}"]] = half[["y", f"y{DRAWS}"]]
    found = measured(table, decrease("t", "y", "z"))
    assert (found.value, found.lo, found.hi) == pytest.approx((0.5, 0.5, 0.5), abs=1e-6)
    assert found.over == "paired documents and SAEs"
    assert measured(without(table), decrease("t", "y", "z")).over == "SAEs"


def test_a_mean_over_saes_adds_the_documents_to_their_spread():
    value = np.array([1.0, 2.0, 4.0])
    none = np.full(3, np.nan)
    spread = mean_of((value, none, none), "documents and SAEs")
    draws = np.linspace(value.mean() - 3, value.mean() + 3, 1001)
    both = mean_of((value, none, none), "documents and SAEs", draws)
    assert both.hi - both.value == pytest.approx(np.hypot(spread.hi - spread.value, 2.85))
    assert (spread.over, both.over) == ("documents and SAEs", "paired documents and SAEs")


def test_rows_without_draws_leave_the_careful_rule():
    table = table_of(*world())
    table.loc[[2], f"y{DRAWS}"] = np.nan
    used, unused = np.array([-1.0, 0.0, 1.0]), np.array([-1.0, 1.0, 0.0])
    careful = combination(without(table), "y", used)
    assert combination(table, "y", used) == careful
    assert combination(table, "y", unused).over == "paired documents"
    other = table_of(*world(), draws=50)
    assert drawn(pd.concat([table, other]), "y").shape == (6, 0)


def test_exact_slopes_stay_exact():
    table = pd.DataFrame({"y": [1.0, 2.0, 3.0]})
    design = np.vander(np.arange(3.0), 2)
    terms = [(1.0, columns(table, "y"))]
    assert fitted_slope(design, 0, terms) == fitted_slope(design, 0, terms, drawn(table, "y"))


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """The truth is a difference over all documents that there could be."""
    repetitions = 300
    held, careful = 0, 0
    weights = np.array([-1.0, 1.0])
    for seed in range(repetitions):
        table = table_of(*sums_of(seed, 2, 0.5, 0.2), draws=300, seed=seed)
        found, wide = (combination(each, "y", weights) for each in (table, without(table)))
        held += found.lo <= 0.1 <= found.hi
        careful += wide.lo <= 0.1 <= wide.hi
    assert 0.90 <= held / repetitions <= 0.985
    assert careful == repetitions


CLAIM = Claim(
    "widening_lowers_it",
    "Section 1",
    "It falls.",
    "less",
    label_gap("t", "y", "sae", "w0", "w1"),
    negative(),
)


def test_a_claim_says_which_interval_it_has(tmp_path):
    table = table_of(*world())
    one, other = (evaluate(CLAIM, {"t": each}, 0) for each in (table, without(table)))
    assert (one["verdict"], one["interval"]) == (HOLDS, "paired documents")
    assert (other["verdict"], other["interval"]) == (UNDECIDED, "documents")
    write_table(tmp_path / "t.csv", table)
    save_draws(tmp_path / "t.npz", table)
    read = read_table(tmp_path / "t.csv", tmp_path / "t.npz")
    assert evaluate(CLAIM, {"t": read}, 0) == one


def test_the_script_takes_draws_with_their_tables(tmp_path):
    """Of the same name in the folder of the same paper."""
    table = table_of(*world()).assign(vector=["nonlinear_error", "sae", "sae"])
    table = table.rename(
        columns=lambda name: name.replace("y", "r2", 1) if name[0] == "y" else name
    )
    folder = tmp_path / "tables" / "dark_matter"
    write_table(folder / "fig6.csv", table)
    save_draws(folder / "fig6.draws.npz", table)
    found = {}
    for draws in ([], [str(folder / "fig6.draws.npz")]):
        output = {name: tmp_path / f"{name}-{len(draws)}" for name in ("table", "page")}
        run_script(
            "check_claims",
            tmp_path / "claims.log",
            input={"tables": [str(folder / "fig6.csv")], "draws": draws},
            output=output,
            params={"papers": ["dark_matter"], "seed": 0},
        )
        claims = read_table(output["table"]).set_index("claim")
        found[len(draws)] = claims.loc["sae_norm_above_nonlinear", ["verdict", "interval"]].tolist()
    assert found == {0: [UNDECIDED, "documents"], 1: [HOLDS, "paired documents"]}
