import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.papers.dark_matter.worlds import paper_world, saes
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.claims.claim import (
    Claim,
    Measure,
    Measurement,
    NotTestable,
    Tables,
    evaluate,
)
from workflow_scripts.anatomy.claims.contrasts import (
    contrast,
    fitted_slope,
    moving_blocks,
)
from workflow_scripts.anatomy.claims.counts import histogram_skewness, share, with_logarithms
from workflow_scripts.anatomy.claims.measures import decrease, highest, lowest, slope
from workflow_scripts.anatomy.claims.rule import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Rule,
    at_least,
    at_most,
    between,
    less_than,
    more_than,
    negative,
    positive,
)

NUMBER = st.floats(-1e3, 1e3, allow_nan=False)


# Rules: the text and the decision are one thing.


@given(NUMBER, NUMBER, st.sampled_from([at_least, at_most, more_than, less_than, between]))
def test_the_text_of_a_rule_says_what_the_rule_decides(one, other, make):
    assume(one < other)
    rule = make(one, other) if make is between else make(one)
    numbers = [float(word) for word in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", rule.text)]
    says = {
        "at least": lambda x: x >= numbers[0],
        "at most": lambda x: x <= numbers[0],
        "above": lambda x: x > numbers[0],
        "below": lambda x: x < numbers[0],
        "between": lambda x: numbers[0] <= x <= numbers[1],
    }[re.match("[a-z ]+[a-z]", rule.text).group()]
    for number in (one, other, (one + other) / 2, one - 1, other + 1, math.nextafter(one, 2e3)):
        assert rule.contains(number) == says(number)


@given(NUMBER, NUMBER, NUMBER, st.lists(NUMBER, min_size=2, max_size=2, unique=True), st.booleans())
def test_a_verdict_is_that_of_every_number_of_the_interval(a, b, c, limits, strict):
    lo, value, hi = sorted((a, b, c))
    rule = Rule(min(limits), max(limits), strict)
    inside = [rule.contains(x) for x in (lo, value, hi, *np.linspace(lo, hi, 50))]
    # Between two numbers outside there may still be some of the rule's.
    reached = any(inside) or lo < rule.low < hi or lo < rule.high < hi
    expected = HOLDS if all(inside) else UNDECIDED if reached else FAILS
    assert rule.verdict(value, lo, hi) == expected


@given(NUMBER, st.floats(0, 10), st.floats(0, 10))
def test_a_wider_interval_can_only_take_a_decision_away(value, narrow, more):
    rule = positive()
    first = rule.verdict(value, value - narrow, value + narrow)
    second = rule.verdict(value, value - narrow - more, value + narrow + more)
    assert second in (first, UNDECIDED)


def test_the_value_alone_decides_where_there_is_no_interval():
    assert at_least(0.7).verdict(0.7, math.nan, math.nan) == HOLDS
    assert at_least(0.7).verdict(0.69, math.nan, math.nan) == FAILS
    assert positive().verdict(0.0, math.nan, math.nan) == FAILS
    assert positive().verdict(0.5, 0.6, 0.7) == HOLDS
    assert positive().verdict(-0.5, 0.6, 0.7) == UNDECIDED


def test_a_rule_without_a_limit_is_refused():
    for low, high in ((1, 0), (1, 1), (-math.inf, math.inf)):
        with pytest.raises(ValueError, match="no rule"):
            Rule(low, high)


# Intervals of differences and slopes.


def test_errors_of_one_sign_add_up_and_those_of_two_signs_are_independent():
    value, low, high = contrast([0.5, 0.5, -1], [1, 2, 4], [0.9, 1.6, 3.7], [1.2, 2.2, 4.4])
    assert value == pytest.approx(-2.5)
    assert low == pytest.approx(-2.5 - math.hypot(0.5 * 0.1 + 0.5 * 0.4, 0.4))
    assert high == pytest.approx(-2.5 + math.hypot(0.5 * 0.2 + 0.5 * 0.2, 0.3))


def test_numbers_without_an_interval_count_as_exact():
    assert contrast([1, -1], [3, 1], [2, math.nan], [5, math.nan]) == (2, 1, 4)
    value, low, high = contrast([1, 0], [3, 1], [math.nan, 0], [math.nan, 2])
    assert value == 3
    assert math.isnan(low)
    assert math.isnan(high)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.99))
def test_a_contrast_covers_at_least_95_per_cent_of_correlated_errors(seed, correlation):
    """SAEs judged on the same contexts: errors with a positive correlation."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=6)
    weights -= weights.mean()
    spread = generator.uniform(0.5, 2, 6)
    covariance = (correlation + (1 - correlation) * np.eye(6)) * np.outer(spread, spread)
    sd = math.sqrt(weights @ covariance @ weights)
    _, low, high = contrast(weights, np.zeros(6), -1.96 * spread, 1.96 * spread)
    # The rule takes errors of one sign as equal and of two signs as independent, so it is never
    # narrower than the truth wherever errors of the two signs are positively correlated.
    assert high == -low
    assert high >= 1.96 * sd * (1 - 1e-12)


def test_a_slope_without_intervals_is_scipys():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=12), generator.normal(size=12)
    empty = np.full(12, np.nan)
    found = fitted_slope(np.stack([x, np.ones(12)], 1), 0, [(1.0, (y, empty, empty))])
    expected = stats.linregress(x, y)
    half = stats.t.ppf(0.975, 10) * expected.stderr
    assert found == pytest.approx((expected.slope, expected.slope - half, expected.slope + half))


def test_a_slope_adds_the_contexts_error_in_quadrature():
    x = np.arange(5.0)
    y = 2 * x
    found = fitted_slope(np.stack([x, np.ones(5)], 1), 0, [(1.0, (y, y - 0.1, y + 0.1))])
    weights = (x - 2) / 10
    half = math.hypot(0.1 * weights[weights > 0].sum(), 0.1 * weights[weights > 0].sum())
    assert found == pytest.approx((2, 2 - half, 2 + half))


def test_a_slope_that_the_rows_do_not_determine_is_not_testable():
    y = (np.arange(3.0), np.full(3, np.nan), np.full(3, np.nan))
    with pytest.raises(NotTestable, match="too few different"):
        fitted_slope(np.ones((3, 2)), 0, [(1.0, y)])
    with pytest.raises(NotTestable, match="3 rows"):
        fitted_slope(np.vander(np.arange(3.0), 3), 0, [(1.0, y)])


def test_blocks_are_runs_of_neighbours_and_repeat_with_their_seed():
    drawn = moving_blocks(25, 8, seed=3)
    assert drawn.shape == (8, 25)
    assert drawn.min() >= 0
    assert drawn.max() <= 24
    inside = np.arange(24) % 10 != 9
    assert (np.diff(drawn, axis=1)[:, inside] == 1).all()
    assert (drawn == moving_blocks(25, 8, seed=3)).all()
    assert moving_blocks(4, 2, seed=0).tolist() == [[0, 1, 2, 3]] * 2


# Measures.


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["width", "l0"]))
def test_turning_a_column_over_turns_the_verdict_on_its_slope_over(seed, by):
    generator = np.random.default_rng(seed)
    table = saes("blocks.0.hook_resid_post")
    table["y"] = generator.normal() * np.log2(table[by]) + 0.1 * generator.normal(size=len(table))
    turned = table.assign(y=-table["y"])
    given_ = ["l0" if by == "width" else "width"]
    measure = slope(["t"], "y", by, given_)
    one, other = (measure(Tables({"t": each}, (), 0)) for each in (table, turned))
    assert (one.value, one.lo, one.hi) == pytest.approx((-other.value, -other.hi, -other.lo))
    swapped = {HOLDS: FAILS, FAILS: HOLDS, UNDECIDED: UNDECIDED}
    claims = [Claim("c", "", "", "", measure, rule) for rule in (positive(), negative())]
    for claim in claims:
        here, there = (evaluate(claim, {"t": each}, 0)["verdict"] for each in (table, turned))
        assert there == swapped[here]


def test_slopes_are_found_at_every_site_at_fixed_values_of_the_others():
    parts = []
    for at in range(3):
        part = saes(f"blocks.{at}.hook_resid_post")
        part["y"] = 5 * at + 0.3 * np.log2(part["width"]) - 0.7 * np.log2(part["l0"])
        part["z"] = np.exp2(part["y"])
        parts.append(part)
    tables = Tables({"a": pd.concat(parts[:2]), "b": parts[2], "unused": parts[0]}, (), 0)
    assert slope(["a", "b"], "y", "width", ["l0"])(tables).value == pytest.approx(0.3)
    assert slope(["a", "b"], "y", "l0", ["width"])(tables).value == pytest.approx(-0.7)
    relative = slope(["a", "b"], "z", "width", ["l0"], log=True)(tables)
    assert relative.value == pytest.approx(2**0.3 - 1)
    assert slope(["a"], "y", "width", ["l0"], minus="y")(tables).value == pytest.approx(0)
    assert tables.read == ["a", "b"]


def test_extremes_and_decreases():
    table = pd.DataFrame({"y": [1.0, 2.0], "y_lo": [0.5, 1.9], "y_hi": [2.5, 2.1], "n": [0.9, 1.8]})
    tables = Tables({"t": table}, (), 0)
    low, high = lowest(["t"], "y")(tables), highest(["t"], "y")(tables)
    assert (low.value, low.lo, low.hi) == (1, 0.5, 2.1)
    assert (high.value, high.lo, high.hi) == (2, 1.9, 2.5)
    found = decrease("t", "y", "n")(tables)
    assert (found.value, found.lo, found.hi) == pytest.approx((0.1, 0.1, 0.1))


def test_a_claim_that_reads_no_table_is_an_error():
    claim = Claim(
        "typed", "", "", "", Measure("a constant", lambda _: Measurement(1.0)), positive()
    )
    with pytest.raises(AnatomyError, match="typed measures without a table"):
        evaluate(claim, paper_world(), seed=0)


def test_a_share_of_nothing_is_no_number():
    with pytest.raises(NotTestable, match="there are no latents to count"):
        share(0, 0, "latents, as if independent")
    with pytest.raises(NotTestable, match="nothing in the bins"):
        histogram_skewness(np.arange(3.0), np.zeros(3, int), 0, "latents")


def test_an_sae_for_which_nothing_fires_takes_no_part_in_a_fit_over_l0():
    table = pd.DataFrame({"l0": [0.0, 4.0, 8.0], "width": [8, 8, 16], "fvu": [1.0, 0.5, 0.25]})
    assert with_logarithms(table, ["l0", "width"])["fvu"].tolist() == [0.5, 0.25]
    with pytest.raises(NotTestable, match="no SAE has a l0 above 0"):
        with_logarithms(table.iloc[:1], ["l0"])
