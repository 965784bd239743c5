"""How well a linear probe predicts the squared norm of a sparse sum (dark matter, Appendix C.1).

x = sum_i w_i y_i with orthonormal y_i and independent weights w_i >= 0, so ||x||^2 = sum_i w_i^2
and a linear probe on x is a linear function b.w of the weights. Everything follows from the first
four moments of each w_i.

The paper takes b_i = E[w_i^2] / E[w_i] and calls it least squares. It is the slope of each weight
alone through the origin only where w_i has two values; the least-squares slope with an intercept is
Cov(w_i, w_i^2) / Var(w_i). The two correlations agree where all weights have one distribution,
because any constant b gives the same correlation, and differ where rates vary.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from workflow_scripts.anatomy.base.errors import AnatomyError

DISTRIBUTIONS = ("bernoulli", "poisson", "spike_gamma")
RATE_PROFILES = ("equal", "power_law")
PAPER_POISSON_AT_ONE = 0.73
GAMMA_SHAPE = 4
Z_95 = 1.959963984540054


def weight_moments(distribution: str, rates: ArrayLike, scales: ArrayLike = 1.0) -> NDArray:
    """First four raw moments of independent non-negative weights.

    Parameters
    ----------
    distribution: ``bernoulli`` (1 with probability `rates`, else 0), ``poisson`` (mean `rates`), or
        ``spike_gamma`` (Gamma(4) of mean 1 with probability `rates`, else 0: weights that vary).
    rates: (m,) probabilities or means.
    scales: (m,) or a number, factors s_i by which the weights are multiplied.

    Returns
    -------
    (4, m) float64: E[w], E[w^2], E[w^3], E[w^4].

    Raises
    ------
    AnatomyError: unknown distribution, or a rate outside its range.
    """
    rate = np.asarray(rates, dtype=np.float64)
    _check_rates(distribution, rate)
    if distribution == "bernoulli":
        raw = np.stack([rate] * 4)
    elif distribution == "poisson":
        raw = np.stack(
            [
                rate,
                rate**2 + rate,
                rate**3 + 3 * rate**2 + rate,
                rate**4 + 6 * rate**3 + 7 * rate**2 + rate,
            ]
        )
    else:
        shape = GAMMA_SHAPE
        powers = [math.prod(range(shape, shape + power)) / shape**power for power in range(1, 5)]
        raw = np.stack([rate * moment for moment in powers])
    scale = np.broadcast_to(np.asarray(scales, dtype=np.float64), rate.shape)
    return raw * scale ** np.arange(1, 5)[:, None]


def correlation(moments: NDArray, coefficients: NDArray) -> float:
    """Correlation of b.w with sum_i w_i^2 for independent weights, in closed form.

    `moments` is (4, m) as `weight_moments` returns it, `coefficients` is b, (m,).
    """
    covariance = (coefficients * _covariance_with_square(moments)).sum()
    variance_probe = (coefficients**2 * _variance(moments)).sum()
    variance_norm = (moments[3] - moments[1] ** 2).sum()
    return float(covariance / np.sqrt(variance_probe * variance_norm))


def paper_coefficients(moments: NDArray) -> NDArray:
    """b_i = E[w_i^2] / E[w_i], the probe of Appendix C.1."""
    return moments[1] / moments[0]


def mean_weight_coefficients(moments: NDArray) -> NDArray:
    """b_i = E[w_i], the probe that the text of Appendix B.1 describes."""
    return moments[0]


def best_coefficients(moments: NDArray) -> NDArray:
    """b_i = Cov(w_i, w_i^2) / Var(w_i), least squares with an intercept."""
    return _covariance_with_square(moments) / _variance(moments)


def best_coefficients_without_intercept(moments: NDArray) -> NDArray:
    """Least squares without an intercept: (V + mu mu') b = E[w ||w||^2], by Sherman-Morrison."""
    mean, variance = moments[0], _variance(moments)
    target = _covariance_with_square(moments) + mean * moments[1].sum()
    scaled_mean = mean / variance
    along = (scaled_mean * target).sum() / (1 + (scaled_mean * mean).sum())
    return target / variance - scaled_mean * along


def sample_weights(
    distribution: str,
    rates: ArrayLike,
    samples: int,
    generator: np.random.Generator,
    scales: ArrayLike = 1.0,
) -> NDArray:
    """Draw (samples, m) float64 weights; arguments and errors as in `weight_moments`."""
    rate = np.asarray(rates, dtype=np.float64)
    _check_rates(distribution, rate)
    shape = (samples, len(rate))
    if distribution == "poisson":
        weights = generator.poisson(rate, shape).astype(np.float64)
    else:
        weights = (generator.random(shape) < rate).astype(np.float64)
        if distribution == "spike_gamma":
            weights *= generator.standard_gamma(GAMMA_SHAPE, shape) / GAMMA_SHAPE
    return weights * np.asarray(scales, dtype=np.float64)


def sample_correlation(predicted: NDArray, target: NDArray) -> tuple[float, float, float]:
    """Sample correlation of two (n,) vectors and the ends of its 95 % interval.

    The standard error is that of the correlation's influence function, which holds for large
    samples of any distribution; Fisher's z needs normal ones.
    """
    u = (predicted - predicted.mean()) / predicted.std()
    v = (target - target.mean()) / target.std()
    rho = float((u * v).mean())
    influence = u * v - rho * (u**2 + v**2) / 2
    margin = Z_95 * float(influence.std()) / math.sqrt(len(u))
    return rho, rho - margin, rho + margin


def norm_prediction_table(
    rates: list[float], features: int, samples: int, seed: int
) -> pd.DataFrame:
    """The table of Appendix C.1: closed forms beside Monte Carlo over a grid of rates.

    Parameters
    ----------
    rates: mean rates of the `features` weights; those of 1 and more are for Poisson weights only.
    features: number m of weights. With equal rates the result does not depend on it.
    samples: Monte Carlo draws a row; least squares is fitted on one half, scored on the other.
    seed: of the Monte Carlo.

    Returns
    -------
    One row per (distribution, rate profile, rate). ``rho_closed_form`` and ``rho_monte_carlo`` are
    for the paper's probe, ``rho_best_linear`` and ``rho_best_monte_carlo`` for least squares with
    an intercept, ``rho_no_intercept`` without one, ``rho_mean_weight`` for the probe of B.1;
    ``rho_paper`` is what the paper prints, NaN where it prints nothing.
    """
    rows = []
    for index, (distribution, profile, rate) in enumerate(_cells(rates)):
        vector = feature_rates(distribution, profile, rate, features)
        moments = weight_moments(distribution, vector)
        generator = np.random.default_rng([seed, index])
        weights = sample_weights(distribution, vector, samples, generator)
        norm = (weights**2).sum(axis=1)
        rho, low, high = sample_correlation(weights @ paper_coefficients(moments), norm)
        half = samples // 2
        design = np.column_stack([np.ones(half), weights[:half]])
        slopes = np.linalg.lstsq(design, norm[:half], rcond=None)[0][1:]
        best, best_low, best_high = sample_correlation(weights[half:] @ slopes, norm[half:])
        rows.append(
            {
                "distribution": distribution,
                "rate_profile": profile,
                "rate": rate,
                "features": features,
                "rho_closed_form": correlation(moments, paper_coefficients(moments)),
                "rho_best_linear": correlation(moments, best_coefficients(moments)),
                "rho_no_intercept": correlation(
                    moments, best_coefficients_without_intercept(moments)
                ),
                "rho_mean_weight": correlation(moments, mean_weight_coefficients(moments)),
                "rho_monte_carlo": rho,
                "rho_monte_carlo_lo": low,
                "rho_monte_carlo_hi": high,
                "rho_best_monte_carlo": best,
                "rho_best_monte_carlo_lo": best_low,
                "rho_best_monte_carlo_hi": best_high,
                "rho_paper": _printed(distribution, profile, rate),
                "note": _note(distribution, profile, rate),
            }
        )
    return pd.DataFrame(rows)


def feature_rates(distribution: str, profile: str, rate: float, features: int) -> NDArray:
    """Rates (m,) of mean `rate`: ``equal``, or ``power_law`` 1/i (probabilities stop at 0.95)."""
    if profile == "equal":
        return np.full(features, rate)
    if profile != "power_law":
        raise AnatomyError(f"rate profile {profile}: use one of {', '.join(RATE_PROFILES)}")
    vector = 1 / np.arange(1, features + 1)
    vector *= rate / vector.mean()
    return vector if distribution == "poisson" else np.minimum(vector, 0.95)


def _cells(rates: list[float]) -> Iterator[tuple[str, str, float]]:
    for distribution in DISTRIBUTIONS:
        for profile in RATE_PROFILES:
            for rate in rates:
                if distribution == "poisson" or rate < 1:
                    yield distribution, profile, float(rate)


def _check_rates(distribution: str, rate: NDArray) -> None:
    if distribution not in DISTRIBUTIONS:
        raise AnatomyError(f"distribution {distribution}: use one of {', '.join(DISTRIBUTIONS)}")
    highest = np.inf if distribution == "poisson" else 1.0
    if not ((rate > 0) & (rate < highest)).all():
        raise AnatomyError(
            f"{distribution} rates must lie strictly between 0 and {highest}, got "
            f"{rate.min():g} to {rate.max():g}; change the rates of appendix_c1"
        )


def _variance(moments: NDArray) -> NDArray:
    return moments[1] - moments[0] ** 2


def _covariance_with_square(moments: NDArray) -> NDArray:
    return moments[2] - moments[0] * moments[1]


def _printed(distribution: str, profile: str, rate: float) -> float:
    if distribution == "bernoulli":
        return 1.0
    if distribution == "poisson" and profile == "equal" and rate == 1:
        return PAPER_POISSON_AT_ONE
    return math.nan


def _note(distribution: str, profile: str, rate: float) -> str:
    if distribution == "poisson" and profile == "equal" and rate == 1:
        return (
            "the paper prints 6/sqrt(66) = 0.73; its formula at rate 1 is 6/sqrt(11*4) = 0.905, "
            "6/sqrt(66) itself is 0.739, and the 6*rate^3 under its first root should be 6*rate^2"
        )
    return ""
