"""Claims about probes on tables made by the code of the figures: SAEs of one size differ, too."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, evaluate
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS, UNDECIDED
from workflow_scripts.anatomy.probing.accuracies import between_widths, interval
from workflow_scripts.papers.canonical_units.claims.probing import CLAIMS

OF_SIZES = ("probing_depends_on_data_set", "no_size_is_best")
DRAWS = 40
# How far resamples of the documents lie apart.
DOCUMENTS = 1e-4


def judged(claim, **tables):
    return evaluate(next(each for each in CLAIMS if each.id == claim), tables, seed=0)


def table(curves, *names, numbers=(None,)):
    """A table of scores by size, (curves, sizes); the first of `names` as they are, the second negated."""
    rng = np.random.default_rng(0)
    widths = 256 * 2 ** np.arange(len(curves[0]))
    rows = []
    sets = product(range(len(curves) // len(numbers)), numbers)
    for curve, (dataset, number) in zip(curves, sets, strict=True):
        values = np.asarray(curve, float)[:, None] + np.zeros(1 + DRAWS)
        values[:, 1:] += DOCUMENTS * rng.normal(size=(len(curve), DRAWS))
        signed = dict(zip(names, (values, -values), strict=False))
        beside = {name: between_widths(name, each, widths) for name, each in signed.items()}
        for at, width in enumerate(widths):
            row = {"model": "m", "site": "s", "sae": f"w{width}", "width": width}
            row |= {"dataset": str(dataset), "n_ablated": number}
            for name, each in signed.items():
                ends = zip(("", "_lo", "_hi"), interval(each[at]), strict=True)
                row |= {name + end: value for end, value in ends} | beside[name][at]
            rows.append(row)
    return pd.DataFrame(rows)


def accuracies(curves):
    return table(curves, "accuracy")


def perturbations(curves, numbers=(2, 10)):
    return table(curves, "tpp", "tpp_drop", numbers=numbers)


# Differences between single SAEs are laid to their size only where they exceed what SAEs differ by.


@pytest.mark.parametrize("sizes", [3, 6])
def test_saes_that_differ_but_for_their_size_say_nothing_of_sizes(sizes):
    rng = np.random.default_rng(1)
    held = dict.fromkeys(OF_SIZES, 0)
    for _ in range(30):
        found = accuracies(0.7 + 0.05 * rng.normal(size=(13, sizes)))
        for claim in OF_SIZES:
            row = judged(claim, fig24=found)
            assert row["measured"] > 0, "of the values alone it would hold"
            assert row["interval"] == "documents and SAEs"
            held[claim] += row["verdict"] == HOLDS
    # Of the documents alone it holds in all of the thirty.
    assert max(held.values()) <= 1


def test_what_exceeds_the_spread_over_saes_is_of_their_size():
    rng = np.random.default_rng(2)
    octaves = np.arange(8)
    for claim in OF_SIZES:
        trends = np.array([[0.04], [-0.04], [0.0]])
        opposed = 0.6 + trends * octaves + 0.001 * rng.normal(size=(3, 8))
        assert judged(claim, fig24=accuracies(opposed))["verdict"] == HOLDS
        alike = 0.6 + np.abs(trends + 0.01) * octaves + 0.001 * rng.normal(size=(3, 8))
        assert judged(claim, fig24=accuracies(alike))["verdict"] == FAILS


def test_a_trend_has_students_interval_widened_for_the_number_of_data_sets():
    rng = np.random.default_rng(3)
    octaves = np.arange(5)
    curves = 0.7 + np.array([[0.05], [-0.05]]) * octaves + 0.02 * rng.normal(size=(2, 5))
    row = judged(OF_SIZES[0], fig24=accuracies(curves))
    ends = []
    for sign, curve in zip((1, -1), curves, strict=True):
        fit = stats.linregress(octaves, sign * curve)
        half = stats.t.ppf(1 - 0.025 / 2, 3) * fit.stderr
        ends.append((fit.slope, fit.slope - half, fit.slope + half))
    expected = np.min(ends, axis=0)
    found = [row[name] for name in ("measured", "measured_lo", "measured_hi")]
    assert found == pytest.approx(expected, abs=10 * DOCUMENTS)


@pytest.mark.parametrize("claim", [*OF_SIZES, "tpp_falls_with_size"])
def test_two_saes_show_no_spread(claim):
    curves = np.array([[0.1, 0.3], [0.4, 0.2]])
    tables = {"fig24": accuracies(curves), "fig26": perturbations(curves)}
    reason = "fewer than 3 sizes of SAEs tell nothing about how much one varies"
    assert judged(claim, **tables)["verdict"] == f"{NOT_TESTABLE} ({reason})"


def test_the_curves_of_one_sae_are_not_so_many_saes():
    """All scores of an SAE lie high or low together, and nothing depends on size."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(60):
        saes = 0.1 * rng.normal(size=5)
        curves = saes + rng.normal(size=(12, 1)) + 0.01 * rng.normal(size=(12, 5))
        row = judged("tpp_falls_with_size", fig26=perturbations(curves))
        covered += row["measured_lo"] <= 0 <= row["measured_hi"]
    assert covered >= 54


def test_a_mean_trend_is_that_of_saes_means():
    curves = np.array([[0.5, 0.2, 0.3, 0.0], [0.4, 0.4, 0.1, 0.1]])
    row = judged("tpp_falls_with_size", fig26=perturbations(curves))
    fit = stats.linregress(np.arange(4), curves.mean(0))
    half = stats.t.ppf(0.975, 2) * fit.stderr
    expected = (fit.slope, fit.slope - half, fit.slope + half)
    found = [row[name] for name in ("measured", "measured_lo", "measured_hi")]
    assert found == pytest.approx(expected, abs=10 * DOCUMENTS)
    assert f"mean tpp_drop_trend (fig26): {-fit.slope:.4g}" in row["note"]


def test_curves_without_the_smallest_sae_do_not_count():
    curves = np.array([[0.5, 0.2, 0.3, 0.0], [0.4, 0.4, 0.1, 0.1]])
    whole = perturbations(curves)
    narrow = (whole["n_ablated"] == 10) & (whole["width"] == 256)
    row = judged("tpp_falls_with_size", fig26=whole[~narrow])
    assert row["measured"] == pytest.approx(stats.linregress(range(4), curves[0]).slope)


# A step up is one only where the curve falls.


def test_a_rise_is_no_bump():
    curves = [[0.0, 0.1, 0.2, 0.3], [0.0, 0.1, 0.05, 0.2]]
    verdict = judged("tpp_not_monotonic", fig26=perturbations(curves))["verdict"]
    assert verdict.startswith(f"{NOT_TESTABLE} (no curve of tpp falls; ")
    # With the sign turned round one falls, with a step up.
    assert verdict.endswith("-tpp_drop_trend of a curve that falls (fig26): 0.05)")


def test_a_fall_with_a_bump_is_not_monotonic():
    rising, bump = [0.0, 0.3, 0.6, 0.9], [0.5, 0.3, 0.34, 0.1]
    row = judged("tpp_not_monotonic", fig26=perturbations([rising, bump]))
    assert (row["verdict"], row["measured"]) == (HOLDS, pytest.approx(0.04))
    assert row["interval"] == "documents, SAEs of one seed"
    assert "1 of 2 curves fall for certain" in row["note"]
    assert "no curve of tpp_drop" not in row["note"]
    smooth = perturbations([rising, [0.5, 0.3, 0.2, 0.1]])
    assert judged("tpp_not_monotonic", fig26=smooth)["verdict"] == FAILS


def test_a_curve_that_may_fall_leaves_it_open():
    flat = [0.1, 0.2, 0.2, 0.1 - DOCUMENTS / 10]
    row = judged("tpp_not_monotonic", fig26=perturbations([flat], (2,)))
    assert row["verdict"] == UNDECIDED
    assert "0 of 1 curves fall for certain" in row["note"]
