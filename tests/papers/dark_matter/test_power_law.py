"""The power law of FVU against width: known laws, and scipy's curve_fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.stats import f as f_distribution
from scipy.stats import ttest_1samp

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.dark_matter.measures.power_law import (
    fit_horizontal,
    fit_power_law,
    horizontal_interval,
    law_intervals,
)

SMALL = np.array([128, 256, 512, 1024, 2048])
LARGE = 2.0 ** np.arange(14, 21)


def by_curve_fit(width, fvu):
    """c, a, m and their standard errors from a fit in scaled widths, brought back to widths."""
    scale = np.exp(np.log(width).mean())
    (c, a, m), covariance = curve_fit(
        lambda relative, c, a, m: c + a * relative**-m,
        width / scale,
        fvu,
        p0=(fvu.min() / 2, np.ptp(fvu), 0.5),
        xtol=1e-14,
        ftol=1e-14,
        maxfev=20_000,
    )
    # a W^-m with a = a' scale^m depends on both a' and m.
    gradient = np.diag([1, scale**m, 1])
    gradient[1, 2] = a * scale**m * np.log(scale)
    return (c, a * scale**m, m), np.sqrt(np.diag(gradient @ covariance @ gradient.T))


@settings(max_examples=15, deadline=None)
@given(c=st.floats(0.02, 0.5), at_first=st.floats(0.05, 0.8), m=st.floats(0.2, 2.5))
def test_a_known_law_is_found(c, at_first, m):
    a = at_first * 128**m
    law = fit_power_law(SMALL, c + a * SMALL**-m)
    assert (law.c, law.m) == pytest.approx((c, m), rel=1e-4)
    assert law.a == pytest.approx(a, rel=1e-3)
    np.testing.assert_allclose(law(SMALL), c + a * SMALL**-m, rtol=1e-6)
    np.testing.assert_allclose(law(10 * SMALL), c + a * (10.0 * SMALL) ** -m, rtol=1e-4)


@pytest.mark.parametrize("width", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("m", [0.3, 0.8, 1.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_curve_fit(width, m, seed):
    generator = np.random.default_rng(seed)
    fvu = 0.1 + 0.6 * (width / width[0]) ** -m + generator.normal(0, 1e-3, len(width))
    law = fit_power_law(width, fvu)
    values, errors = by_curve_fit(width.astype(float), fvu)
    assert (law.c, law.a, law.m) == pytest.approx(values, rel=1e-4)
    assert (law.c_se, law.a_se, law.m_se) == pytest.approx(errors, rel=1e-3)


def test_standard_errors_are_the_spread_of_repeated_fits():
    generator = np.random.default_rng(0)
    truth = 0.2 + 8 * SMALL**-0.7
    laws = [fit_power_law(SMALL, truth + generator.normal(0, 1e-3, 5)) for _ in range(120)]
    for name in ("c", "m"):
        spread = np.std([getattr(law, name) for law in laws])
        squares = np.mean([getattr(law, f"{name}_se") ** 2 for law in laws])
        assert np.sqrt(squares) == pytest.approx(spread, rel=0.2)


def test_parameters_stay_in_their_bounds():
    """A law without a constant, and FVU that falls faster than any power of it would."""
    law = fit_power_law(SMALL, 5 * SMALL**-0.5)
    assert law.c == pytest.approx(0, abs=1e-4)
    assert law.c >= 0
    rising = fit_power_law(SMALL, np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert min(rising.c, rising.a, rising.m) >= 0
    assert rising.m <= 10


def test_three_widths_leave_no_standard_errors():
    law = fit_power_law(SMALL[:3], 0.1 + 4 * SMALL[:3] ** -0.6)
    assert law.m == pytest.approx(0.6, rel=1e-3)
    assert np.isnan([law.c_se, law.a_se, law.m_se]).all()


@pytest.mark.parametrize("width", [[128, 256], [128, 128, 256, 256], []])
def test_too_few_widths(width):
    with pytest.raises(AnatomyError, match=r"needs 3 widths or more, here are [02]; add widths"):
        fit_power_law(np.array(width), np.linspace(0.5, 0.3, len(width)))


def test_horizontal_line():
    values = np.array([0.31, 0.28, 0.3, 0.33])
    _, covariance = curve_fit(lambda x, c: c + 0 * x, np.arange(4.0), values, p0=(0.3,))
    level, error = fit_horizontal(values)
    assert level == pytest.approx(values.mean())
    assert error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-6)
    assert np.isnan(fit_horizontal(values[:1])[1])


def planted(seed, spread=4e-3, width=SMALL):
    generator = np.random.default_rng(seed)
    return 0.1 + 0.25 * (width / width[0]) ** -0.6 + generator.normal(0, spread, len(width))


def squares_by_curve_fit(width, fvu, **fixed):
    """Least squared residuals of a law, some of whose c, a', m are fixed; a' is that at width 1 of width."""
    free = [name for name in "cam" if name not in fixed]
    start = {"c": fvu.min() / 2, "a": np.ptp(fvu), "m": 0.6}
    scaled = width / np.exp(np.log(width).mean())

    def law(x, *values):
        c, a, m = ({**fixed, **dict(zip(free, values, strict=True))}[name] for name in "cam")
        return c + a * x**-m

    p0 = [start[name] for name in free]
    values, _ = curve_fit(law, scaled, fvu, p0=p0, xtol=1e-14, ftol=1e-14, maxfev=20_000)
    return ((law(scaled, *values) - fvu) ** 2).sum()


@pytest.mark.parametrize("seed", range(4))
def test_interval_ends_are_where_the_profile_by_curve_fit_meets_its_limit(seed):
    fvu = planted(seed, 1e-3)
    law = fit_power_law(SMALL, fvu)
    ends = law_intervals(law, SMALL, fvu)
    width = SMALL.astype(float)
    limit = squares_by_curve_fit(width, fvu) * (1 + f_distribution.ppf(0.95, 1, 2) / 2)
    for name in ("c", "m"):
        for end in ends[name]:
            if 0 < end < (fvu.min() if name == "c" else 10):
                found = squares_by_curve_fit(width, fvu, **{name: end})
                assert found == pytest.approx(limit, rel=0.02)
        assert ends[name][0] < getattr(law, name) < ends[name][1]
    assert ends["a"][0] < law.a < ends["a"][1]


def test_the_interval_of_a_is_that_of_a_search_over_laws():
    fvu = planted(5, 1e-3)
    law = fit_power_law(SMALL, fvu)
    low, high = law_intervals(law, SMALL, fvu)["a"]
    limit = ((law(SMALL) - fvu) ** 2).sum() * (1 + f_distribution.ppf(0.95, 1, 2) / 2)
    inside = []
    for m in np.linspace(0.05, 3, 4000):
        power = SMALL.astype(float) ** -m
        c = np.linspace(0, fvu.min(), 200)[:, None]
        best = ((fvu - c) * power).sum(1) / (power**2).sum()
        left = limit - ((fvu - c - best[:, None] * power) ** 2).sum(1)
        reach = np.sqrt(left[left >= 0] / (power**2).sum())
        inside += [*(best[left >= 0] - reach), *(best[left >= 0] + reach)]
    assert low == pytest.approx(min(inside), rel=0.02)
    assert high == pytest.approx(max(inside), rel=0.02)


@pytest.mark.parametrize(
    ("width", "spread"), [(SMALL, 4e-3), (SMALL[:4], 4e-3), (LARGE, 1e-3)], ids=["5", "4", "7"]
)
def test_intervals_cover_the_law_and_are_possible(width, spread):
    truth = {"c": 0.1, "a": 0.25 * float(width[0]) ** 0.6, "m": 0.6}
    covered = dict.fromkeys("cam", 0)
    for seed in range(200):
        fvu = planted(seed, spread, width)
        law = fit_power_law(width, fvu)
        ends = law_intervals(law, width, fvu)
        for name, (low, high) in ends.items():
            covered[name] += low <= truth[name] <= high
            assert low <= getattr(law, name) <= high
        assert ends["c"][0] >= 0 and ends["c"][1] <= fvu.min() * (1 + 1e-12)
        assert ends["a"][0] >= 0 and ends["m"][0] > 0 and ends["m"][1] <= 10
    for count in covered.values():
        assert 0.90 <= count / 200 <= 0.995


@settings(max_examples=20, deadline=None)
@given(fvu=st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
def test_whatever_the_fvus_the_interval_holds_the_law(fvu):
    fvu = np.array(fvu)
    law = fit_power_law(SMALL, fvu)
    for name, (low, high) in law_intervals(law, SMALL, fvu).items():
        assert low <= getattr(law, name) <= high and low >= 0


def test_an_exact_law_leaves_no_doubt_and_three_widths_nothing_but():
    law = fit_power_law(SMALL, 0.1 + 4 * SMALL**-0.6)
    for name, (low, high) in law_intervals(law, SMALL, 0.1 + 4 * SMALL**-0.6).items():
        assert (low, high) == pytest.approx([getattr(law, name)] * 2, rel=1e-4)
    three = 0.1 + 4 * SMALL[:3] ** -0.6
    ends = law_intervals(fit_power_law(SMALL[:3], three), SMALL[:3], three)
    assert np.isnan([*ends.values()]).all()


def test_the_interval_of_the_horizontal_line_is_students():
    values = np.array([0.31, 0.28, 0.3, 0.33])
    ends = ttest_1samp(values, 0).confidence_interval()
    assert horizontal_interval(values) == pytest.approx((ends.low, ends.high))
    assert horizontal_interval(np.array([0.0, 0.1]))[0] == 0
    assert np.isnan(horizontal_interval(values[:1])).all()
