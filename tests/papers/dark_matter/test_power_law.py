"""The power law of FVU against width: known laws, and scipy's curve_fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.papers.dark_matter.measures.power_law import fit_horizontal, fit_power_law

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
