import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.dark_matter.measures.norm_theory import (
    best_coefficients,
    best_coefficients_without_intercept,
    correlation,
    feature_rates,
    mean_weight_coefficients,
    norm_prediction_table,
    paper_coefficients,
    sample_correlation,
    sample_weights,
    weight_moments,
)

RATES = np.array([0.05, 0.2, 0.4, 0.7])


def scipy_moment(distribution: str, rate: float, power: int) -> float:
    if distribution == "bernoulli":
        return stats.bernoulli(rate).moment(power)
    if distribution == "poisson":
        return stats.poisson(rate).moment(power)
    return rate * stats.gamma(4, scale=1 / 4).moment(power)


@pytest.mark.parametrize("distribution", ["bernoulli", "poisson", "spike_gamma"])
def test_moments_are_those_of_scipy(distribution):
    scales = np.array([1.0, 2.0, 0.5, 3.0])
    expected = [
        [
            scale**power * scipy_moment(distribution, rate, power)
            for rate, scale in zip(RATES, scales, strict=True)
        ]
        for power in range(1, 5)
    ]
    np.testing.assert_allclose(weight_moments(distribution, RATES, scales), expected, rtol=1e-12)


def test_poisson_correlation_is_the_papers_formula_with_its_typo_corrected():
    rate = np.array([0.1, 1.0, 2.5])
    moments = weight_moments("poisson", rate)
    np.testing.assert_allclose(paper_coefficients(moments), rate + 1)
    np.testing.assert_allclose(best_coefficients(moments), 2 * rate + 1)
    numerator = (2 * rate**3 + 3 * rate**2 + rate).sum()
    norm = (4 * rate**3 + 6 * rate**2 + rate).sum()
    probe = (rate**3 + 2 * rate**2 + rate).sum()
    expected = numerator / math.sqrt(norm * probe)
    assert correlation(moments, paper_coefficients(moments)) == pytest.approx(expected, rel=1e-12)


def test_poisson_at_rate_one_is_not_what_the_paper_prints():
    moments = weight_moments("poisson", np.ones(7))
    rho = correlation(moments, paper_coefficients(moments))
    assert rho == pytest.approx(6 / math.sqrt(44), rel=1e-12)
    assert rho == pytest.approx(0.9045, abs=1e-4)
    assert 6 / math.sqrt(66) == pytest.approx(0.7385, abs=1e-4)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0.1, 10)), min_size=1, max_size=10),
)
def test_bernoulli_norms_are_predicted_perfectly(features):
    rates, scales = np.array(features).T
    moments = weight_moments("bernoulli", rates, scales)
    np.testing.assert_allclose(paper_coefficients(moments), scales)
    assert correlation(moments, paper_coefficients(moments)) == pytest.approx(1)
    np.testing.assert_allclose(best_coefficients(moments), scales)
    np.testing.assert_allclose(best_coefficients_without_intercept(moments), scales)


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["poisson", "spike_gamma"]),
    st.lists(st.floats(0.01, 0.95), min_size=2, max_size=10),
)
def test_no_probe_beats_least_squares_with_an_intercept(distribution, rates):
    moments = weight_moments(distribution, rates)
    best = correlation(moments, best_coefficients(moments))
    for other in (
        paper_coefficients,
        mean_weight_coefficients,
        best_coefficients_without_intercept,
    ):
        assert correlation(moments, other(moments)) <= best + 1e-12


@pytest.mark.parametrize("distribution", ["poisson", "spike_gamma"])
def test_equal_rates_make_every_constant_probe_the_same(distribution):
    moments = weight_moments(distribution, np.full(5, 0.3))
    expected = correlation(moments, np.ones(5))
    assert correlation(moments, paper_coefficients(moments)) == pytest.approx(expected)
    assert correlation(moments, best_coefficients(moments)) == pytest.approx(expected)


@pytest.mark.parametrize("distribution", ["poisson", "spike_gamma"])
def test_closed_forms_agree_with_least_squares_on_a_large_sample(distribution):
    generator = np.random.default_rng(3)
    weights = sample_weights(distribution, RATES, 400_000, generator)
    norm = (weights**2).sum(axis=1)
    moments = weight_moments(distribution, RATES)
    design = np.column_stack([np.ones(len(weights)), weights])
    with_intercept = np.linalg.lstsq(design, norm, rcond=None)[0][1:]
    without = np.linalg.lstsq(weights, norm, rcond=None)[0]
    np.testing.assert_allclose(with_intercept, best_coefficients(moments), rtol=0.05)
    np.testing.assert_allclose(without, best_coefficients_without_intercept(moments), rtol=0.05)
    for coefficients in (paper_coefficients(moments), best_coefficients(moments)):
        rho, low, high = sample_correlation(weights @ coefficients, norm)
        assert rho == pytest.approx(np.corrcoef(weights @ coefficients, norm)[0, 1])
        assert low < rho < high
        assert abs(rho - correlation(moments, coefficients)) < 2 * (high - low)


def test_intervals_cover_the_closed_form_as_often_as_they_say():
    rates = np.geomspace(0.05, 0.7, 32)
    moments = weight_moments("poisson", rates)
    coefficients = paper_coefficients(moments)
    truth = correlation(moments, coefficients)
    covered = 0
    for seed in range(200):
        weights = sample_weights("poisson", rates, 4000, np.random.default_rng(seed))
        _, low, high = sample_correlation(weights @ coefficients, (weights**2).sum(axis=1))
        covered += low <= truth <= high
    assert 180 <= covered <= 199


def test_rate_profiles_keep_their_mean():
    assert feature_rates("poisson", "power_law", 2.0, 10).mean() == pytest.approx(2)
    assert feature_rates("bernoulli", "power_law", 0.5, 10).max() == 0.95
    assert (feature_rates("poisson", "equal", 2.0, 3) == 2).all()


def test_table_says_where_the_paper_is_and_repeats_itself():
    table = norm_prediction_table([0.1, 1], features=8, samples=2000, seed=0)
    printed = table[(table.distribution == "poisson") & table.rho_paper.notna()]
    assert len(printed) == 1
    assert printed.rho_paper.item() == 0.73
    assert "sqrt(66)" in printed.note.item()
    assert table.rate.max() == 1
    again = norm_prediction_table([0.1, 1], features=8, samples=2000, seed=0)
    assert table.to_csv() == again.to_csv()


@pytest.mark.parametrize(
    ("distribution", "rate"), [("cauchy", 0.5), ("bernoulli", 1.0), ("poisson", 0.0)]
)
def test_impossible_rates_are_refused(distribution, rate):
    with pytest.raises(AnatomyError):
        weight_moments(distribution, [rate])
