import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.papers.canonical_units.worlds import (
    GEMMA,
    GPT2,
    MAIN,
    TABLE_2,
    comparison,
    histogram,
    pair,
    paper_world,
    path,
    printed_saes,
)
from workflow_scripts.anatomy.base.draws import DRAWS
from workflow_scripts.anatomy.claims.claim import NOT_TESTABLE, NotTestable, Tables, evaluate
from workflow_scripts.anatomy.claims.counts import (
    consecutive_sizes,
    histogram_skewness,
    mean_of,
    minus,
    share,
    share_below_zero,
    trend_of_means,
)
from workflow_scripts.anatomy.claims.rule import FAILS, HOLDS
from workflow_scripts.anatomy.claims.verdicts import verdicts
from workflow_scripts.papers.canonical_units.claims import CLAIMS
from workflow_scripts.papers.canonical_units.claims.advantage import (
    mean_advantage,
    worst_advantage,
)
from workflow_scripts.papers.canonical_units.claims.slips import (
    active_share,
    example_differences,
    recovery_scale,
)


def judged(tables):
    return verdicts("canonical_units", CLAIMS, tables, seed=0).set_index("claim")


def measured(claim, tables):
    return evaluate(next(known for known in CLAIMS if known.id == claim), tables, seed=0)


# The models and sizes that printed numbers are about.


@pytest.mark.parametrize("model", [GPT2, GEMMA])
def test_what_is_printed_for_a_model_is_tested_on_it(model):
    assert {len(claim.models) for claim in CLAIMS} == {0, 1}
    bound = {claim.id for claim in CLAIMS if claim.models == model}
    assert {f"{'gpt2' if model == GPT2 else 'gemma'}_mse_as_printed"} < bound
    numbers = {claim.paper_value for claim in CLAIMS if claim.models == model}
    if model == GPT2:
        assert {"657", "0.87", "94 %", "0.9970", "almost -10 %", "80"} <= numbers


def test_other_pairs_of_sizes_do_not_pass_for_the_printed_one():
    tables = paper_world()
    for name in ("fig10", "fig11", "fig14", "fig18"):
        tables[name] = tables[name].assign(width_large=3072)
    found = judged(tables)["verdict"]
    for claim in (
        "number_of_novel_latents",
        "similarities_agree_by",
        "example_of_a_novel_latent",
        "all_novel_latents_lower_mse_by",
    ):
        assert found[claim] == f"{NOT_TESTABLE} (no rows with width_large 1536)"


# What claims measure.


def test_latents_that_never_fire_are_not_counted():
    tables = paper_world()
    first = measured("novel_latents_help", tables)
    fires = tables["fig4"]["activation_frequency"] > 0
    table = tables["fig4"][fires & tables["fig4"]["novel"]]
    assert first["measured"] == pytest.approx((table["delta_mse_latent"] < 0).mean())
    tables["fig4"] = tables["fig4"][fires]
    assert measured("novel_latents_help", tables)["measured"] == first["measured"]


def test_a_phase_is_measured_from_the_step_before_it_to_its_last():
    found = measured("swaps_lower_mse", paper_world())
    assert found["measured"] == pytest.approx(-0.05)
    assert "768 to 1536: -0.05, 1536 to 3072: -0.05" in found["note"]
    assert measured("insertions_raise_l0", paper_world())["measured"] == pytest.approx(0.2)


def test_swaps_that_undo_what_insertions_spoilt_are_not_judged():
    """The insertions double the MSE of one path or of all, and the swaps take a quarter of that away."""
    tables = paper_world()
    spoilt = path((1.0, 0.2), (-0.25, -0.1), 0.0, MAIN)
    found = measured("swaps_lower_mse", tables | {"fig5": spoilt})
    assert found["verdict"].startswith(f"{NOT_TESTABLE} (on no path of fig5 the insertions lowered")
    first = spoilt["width_small"] == 768
    mixed = pd.concat([spoilt[first], tables["fig5"][tables["fig5"]["width_small"] != 768]])
    found = measured("swaps_lower_mse", tables | {"fig5": mixed})
    assert found["measured"] == pytest.approx(-0.05)
    assert "1536 to 3072: -0.05; left out: 1" in found["note"]


def test_losses_recovered_of_a_row_are_compared_with_each_other():
    """Their errors are those of one loss, so the ends are paired however wide they are."""
    tables = paper_world()
    table = tables["table2"]
    for name in ("celr_zero", "celr_mean"):
        reach = 5 * (1 - table[name])
        table[f"{name}_lo"], table[f"{name}_hi"] = table[name] - reach, table[name] + reach / 10
    assert measured("zero_ablation_is_worse_than_mean", tables)["verdict"] == HOLDS


def test_swaps_that_cancel_out_over_pairs_do_not_keep_the_mse():
    tables = paper_world()
    table = tables["fig5"]
    up = (table["width_small"] == 768) & (table["phase"] == "swap")
    for name in ("mse", "mse_lo", "mse_hi"):
        table.loc[up, name] *= 1.2
    assert measured("swaps_keep_what_is_represented", tables)["verdict"] == FAILS


def test_the_contradiction_about_swaps_is_in_both_rows():
    for claim in ("swaps_lower_mse", "swaps_generally_raise_mse"):
        note = measured(claim, paper_world())["note"]
        assert "the paper contradicts itself" in note
        assert "-18.4 %" in note
        assert "lower it by 8.4 %" in note


def test_a_detour_is_relative_to_the_worse_end():
    tables = paper_world()
    table = tables["fig5"]
    table.loc[table["phase"] == "insert", "mse"] = 3.0
    worse = table.groupby("sae_small")["mse"].first().min()
    assert measured("path_interpolates", tables)["measured"] == pytest.approx(3.0 / worse - 1)


def test_sizes_are_compared_at_about_one_l0():
    table = pd.DataFrame(
        [
            (w, l0, a, training)
            for a, training in (
                ("topk", "one rate"),
                ("topk", "best rate"),
                ("standard", "one rate"),
            )
            for w in (8, 16, 64)
            for l0 in (10, 12, 50)
        ],
        columns=["width", "l0", "architecture", "trained_as"],
    ).assign(model="m", site="s", seed=np.nan)
    steps = consecutive_sizes(table, 1.3)
    assert len(steps) == 3 * 2 * 3
    for before, after, octaves in steps:
        one, other = table.loc[before], table.loc[after]
        alike = ["l0", "architecture", "trained_as"]
        assert one[alike].equals(other[alike])
        assert octaves == math.log2(other["width"] / one["width"])
    assert consecutive_sizes(table.assign(l0=table["width"]), 1.3) == []


def test_the_printed_sae_is_the_nearest_in_l0_at_the_papers_layer():
    tables = {"table2": printed_saes()}
    denser = tables["table2"].assign(l0=tables["table2"]["l0"] * 3, mse=50.0)
    tables["table2"] = pd.concat([denser, tables["table2"]], ignore_index=True)
    for name in ("mse_as_printed", "celr_mean_as_printed", "mse_as_printed_relatively"):
        for model in ("gpt2", "gemma"):
            assert measured(f"{model}_{name}", tables)["measured"] == pytest.approx(0, abs=1e-12)


def test_mse_in_other_units_is_right_relatively():
    table = printed_saes()
    for name in ("mse", "mse_lo", "mse_hi"):
        table[name] *= 768
    assert measured("gpt2_mse_as_printed", {"table2": table})["verdict"] == FAILS
    assert measured("gpt2_mse_as_printed_relatively", {"table2": table})["verdict"] == HOLDS


def test_half_of_the_saes_may_be_enough_for_largely_but_not_for_all():
    def advantage(column, other, k):
        return 0.3 if k == 32 else -0.05

    tables = {"fig7": comparison(advantage, 1.0)}
    assert measured("batchtopk_nmse_at_sizes", tables)["verdict"] == HOLDS
    assert measured("batchtopk_nmse_than_topk", tables)["verdict"] == FAILS
    assert measured("pareto_improvement_over_topk", tables)["verdict"] == FAILS


def test_no_degradation_is_nothing_to_be_better_than():
    tables = {"fig7": comparison(lambda *_: 0.1, 1.0)}
    tables["fig7"]["ce_degradation"] = -0.01
    assert (
        "nothing to be better than"
        in measured("batchtopk_ce_degradation_than_topk", tables)["verdict"]
    )


def test_bos_is_needed_for_claims_about_it():
    tables = paper_world()
    tables["fig9"] = tables["fig9"][~tables["fig9"]["bos"]]
    assert "has no BOS tokens" in measured("bos_has_few_active", tables)["verdict"]
    assert measured("batchtopk_is_flexible", tables)["verdict"] == HOLDS


# What the printed numbers say about each other.


def test_table_2_does_not_fit_itself_at_3072():
    bounds = {width: recovery_scale(width) for width in TABLE_2[GPT2]}
    for width, (low, high) in bounds.items():
        _, _, zero, mean = TABLE_2[GPT2][width]
        assert low < (1 - zero) / (1 - mean) < high
    assert bounds[3072][0] > bounds[768][1]
    note = measured("zero_ablation_is_worse_than_mean", paper_world())["note"]
    assert "0.701 to 0.728 at 3072 and 0.679 to 0.692 at 768" in note


def test_the_example_latent_does_not_fit_table_2():
    low, high = active_share("small", 768)
    assert (low, high) == pytest.approx(((2.715 - 2.703) / 0.589, (2.725 - 2.703) / 0.589))
    assert active_share("large", 1536)[1] < 1e-12
    assert example_differences() == pytest.approx((0.589, 0.293))


def test_the_printed_tables_are_ordered_as_the_claims_have_it():
    for rows in TABLE_2.values():
        _, mse, zero, mean = (list(column) for column in zip(*rows.values(), strict=True))
        assert mse == sorted(mse, reverse=True)
        assert zero == sorted(zero)
        assert mean == sorted(mean)
        assert all(a > b for a, b in zip(zero, mean, strict=True))


# Intervals.


def test_a_share_has_the_exact_binomial_interval():
    found = share(3, 40, "")
    # Clopper and Pearson: the shares at which 3 or more, and 3 or fewer, have a chance of 2.5 %.
    assert stats.binom.sf(2, 40, found.lo) == pytest.approx(0.025)
    assert stats.binom.cdf(3, 40, found.hi) == pytest.approx(0.025)
    assert found.value == 3 / 40


def test_members_in_doubt_widen_a_share():
    value = np.array([-1.0] * 30 + [1.0] * 10)
    sure = share_below_zero((value, value - 0.1, value + 0.1), "latents")
    assert (sure.value, sure.lo, sure.hi) == (0.75, share(30, 40, "").lo, share(30, 40, "").hi)
    reach = np.where(np.arange(40) % 2 == 0, 2.0, 0.1)
    doubt = share_below_zero((value, value - reach, value + reach), "latents")
    # Twenty numbers lie 0.98 standard errors from 0; 15 of them below it.
    chance = stats.norm.cdf(1.959964 / 2)
    spread = 1.959964 * math.sqrt(20 * chance * (1 - chance)) / 40
    shift = (30 - (15 + 15 * chance + 5 * (1 - chance))) / 40
    assert doubt.value == 0.75 and 0 < shift < spread
    assert doubt.lo == pytest.approx(0.75 - math.hypot(0.75 - sure.lo, spread, shift))
    assert doubt.hi == pytest.approx(0.75 + shift + math.hypot(sure.hi - 0.75, spread))
    none = np.full(40, np.nan)
    without = share_below_zero((value, none, none), "latents")
    assert (without.lo, without.hi) == (sure.lo, sure.hi)
    with pytest.raises(NotTestable, match="no latents"):
        share_below_zero((value[:0], value[:0], value[:0]), "documents and latents")


def test_a_share_covers_the_truth_at_least_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        truth = generator.normal(0.3, 1, 60)
        error = 0.5
        value = truth + error * generator.normal(size=60)
        found = share_below_zero((value, value - 1.96 * error, value + 1.96 * error), "latents")
        covered += found.lo <= stats.norm.cdf(0, 0.3, 1) <= found.hi
    assert covered / 400 >= 0.95


@pytest.mark.parametrize("size", [60, 400])
@pytest.mark.parametrize(("mean", "error"), [(0.3, 0.1), (0.3, 0.5), (-0.3, 0.5), (-1.0, 0.3)])
def test_a_share_covers_the_truth_and_is_not_much_too_wide(size, mean, error):
    generator = np.random.default_rng(0)
    found = []
    for _ in range(200):
        value = generator.normal(mean, 1, size) + error * generator.normal(size=size)
        parts = (value, value - 1.96 * error, value + 1.96 * error)
        found.append(share_below_zero(parts, "latents"))
    truth = stats.norm.cdf(0, mean, 1)
    assert 0.90 <= np.mean([each.lo <= truth <= each.hi for each in found]) <= 0.995
    honest = np.diff(np.quantile([each.value for each in found], (0.025, 0.975))).item()
    assert np.mean([each.hi - each.lo for each in found]) <= 1.6 * honest


def test_a_mean_without_intervals_is_students():
    value = np.random.default_rng(1).normal(size=12)
    none = np.full(12, np.nan)
    found = mean_of((value, none, none), "latents")
    ends = stats.ttest_1samp(value, 0).confidence_interval()
    assert (found.value, found.lo, found.hi) == pytest.approx((value.mean(), ends.low, ends.high))
    shared = mean_of((value, value - 1, value + 2), "latents")
    assert shared.lo == pytest.approx(value.mean() - math.hypot(value.mean() - ends.low, 1))
    assert shared.hi == pytest.approx(value.mean() + math.hypot(ends.high - value.mean(), 2))
    with pytest.raises(NotTestable):
        mean_of((value[:1], none[:1], none[:1]), "latents")


def test_differences_row_by_row():
    first = (np.array([3.0, 5.0]), np.array([2.0, 5.0]), np.array([4.0, 5.0]))
    second = (np.array([1.0, 1.0]), np.array([0.0, np.nan]), np.array([3.0, np.nan]))
    value, low, high = minus(first, second)
    assert value.tolist() == [2, 4]
    assert low == pytest.approx([2 - math.hypot(1, 2), 4])
    assert high == pytest.approx([2 + math.hypot(1, 1), 4])


def test_a_trend_of_two_groups_is_welchs():
    """For two groups far from 0 the logarithms' difference is the relative difference of means."""
    generator = np.random.default_rng(2)
    groups = [1000 + generator.normal(0, 1, 8), 1000 + generator.normal(0, 3, 20)]
    found = trend_of_means(groups, [0, 1], "swaps")
    ends = stats.ttest_ind(groups[1], groups[0], equal_var=False).confidence_interval()
    assert found.lo == pytest.approx(ends.low / 1000, rel=1e-2, abs=1e-5)
    assert found.hi == pytest.approx(ends.high / 1000, rel=1e-2, abs=1e-5)
    exact = trend_of_means([[8.0, 8.0], [4.0, 4.0], [2.0, 2.0]], [1, 2, 3], "swaps")
    assert exact.value == pytest.approx(-0.5)
    with pytest.raises(NotTestable):
        trend_of_means([groups[0], [1.0]], [0, 1], "swaps")


def test_a_trend_covers_the_truth():
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        groups = [generator.gamma(2, 0.8**at, 15 * (at + 1)) for at in range(4)]
        found = trend_of_means(groups, range(4), "swaps")
        covered += found.lo <= -0.2 <= found.hi
    assert 0.92 <= covered / 300 <= 0.99


def test_skewness_is_that_of_the_binned_numbers():
    table = histogram(((0.0, 0.7, 100), (0.7, 1.0, 900)))
    middle, count = table["max_cosine"].to_numpy() + 0.01, table["count"].to_numpy()
    found = histogram_skewness(middle, count, 0, "latents")
    assert found.value == pytest.approx(stats.skew(np.repeat(middle, count)))
    assert found.lo < found.value < found.hi < 0
    assert found == histogram_skewness(middle, count, 0, "latents")


def test_an_advantage_without_intervals_has_that_of_its_seeds():
    table = comparison(lambda *_: 0.0, 1.0, widths=(64,), ks=())
    table = table[table["architecture"].isin(["batchtopk", "topk"])].drop(
        columns=["nmse_lo", "nmse_hi"]
    )
    table = pd.concat([table.assign(seed=table["seed"] + 2 * n) for n in range(3)])
    table["sae"] = table["architecture"] + table["seed"].astype(str)
    generator = np.random.default_rng(4)
    table["nmse"] = 1 + 0.05 * generator.normal(size=len(table))
    sides = [table[table["architecture"] == a]["nmse"] for a in ("batchtopk", "topk")]
    tables = Tables({"fig7": table}, (), 0)
    ends = stats.ttest_ind(sides[1], sides[0]).confidence_interval()
    scale = sides[1].mean()
    for measure in (
        mean_advantage("fig7", "size", "nmse", "topk"),
        worst_advantage("fig7", "size", "nmse", "topk"),
    ):
        found = measure(tables)
        assert found.value == pytest.approx(1 - sides[0].mean() / scale)
        assert (found.lo, found.hi) == pytest.approx((ends.low / scale, ends.high / scale))


def test_an_advantage_is_that_of_the_same_documents():
    """Two cells with one training each; errors of both sides that move together cancel."""
    table = comparison(lambda *_: 0.1, 1.0, widths=(64, 128), ks=())
    table = table[table["seed"] == 0].reset_index(drop=True)
    table["nmse_lo"], table["nmse_hi"] = table["nmse"] - 0.05, table["nmse"] + 0.05
    careful = mean_advantage("fig7", "size", "nmse", "topk")(Tables({"fig7": table}, (), 0))
    generator = np.random.default_rng(4)
    common, own = generator.normal(size=(1, 400)), generator.normal(size=(len(table), 400))
    draws = table["nmse"].to_numpy()[:, None] * (1 + 0.1 * common + 0.01 * own)
    table[f"nmse{DRAWS}"] = list(draws)
    tables = Tables({"fig7": table}, (), 0)
    cells = []
    for width in (64, 128):
        sides = [
            draws[(table["architecture"] == name) & (table["width"] == width)][0]
            for name in ("batchtopk", "topk")
        ]
        cells.append(1 - sides[0] / sides[1])
    found = mean_advantage("fig7", "size", "nmse", "topk")(tables)
    expected = np.quantile(np.mean(cells, axis=0), (0.025, 0.975))
    assert (found.lo, found.hi) == pytest.approx(expected)
    assert (found.value, careful.lo < 0 < found.lo) == (careful.value, True)
    assert found.over == "paired documents, of one training each"
    worst = worst_advantage("fig7", "size", "nmse", "topk")(tables)
    ends = np.quantile(cells, (0.025, 0.975), axis=1).min(1)
    assert (worst.lo, worst.hi) == pytest.approx(ends)


def test_the_row_with_the_least_difference_of_ablations_is_named():
    table = printed_saes()
    found = measured("zero_ablation_is_worse_than_mean", {"table2": table})
    least = table.loc[(table["celr_zero"] - table["celr_mean"]).idxmin()]
    assert f"least at {least['site']}, {least['sae']}" in found["note"]


def test_pairs_are_the_first_of_the_table():
    """Fig. 10 of a run with more pairs: the first counts."""
    first = paper_world()["fig10"]
    other = first.assign(novel_latents=0, **pair(1536, 3072))
    found = [
        measured("both_kinds_of_latents", {"fig10": each})["measured"]
        for each in (first, pd.concat([first, other], ignore_index=True))
    ]
    assert found[0] == found[1] == pytest.approx(657 / 1536)
