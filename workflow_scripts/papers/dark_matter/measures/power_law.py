"""FVU against SAE width: a power law with a constant, and the horizontal line of nonlinear error."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError

MIN_WIDTHS = 3
MAX_EXPONENT = 10
COVERAGE = 0.95


@dataclass(frozen=True)
class PowerLaw:
    """FVU = c + a W^-m, with standard errors (NaN where widths are too few to tell)."""

    c: float
    a: float
    m: float
    c_se: float
    a_se: float
    m_se: float

    def __call__(self, width: np.ndarray) -> np.ndarray:
        """FVU at the given widths."""
        return self.c + self.a * np.asarray(width, float) ** -self.m


def fit_power_law(width: np.ndarray, fvu: np.ndarray) -> PowerLaw:
    """Least squares of c + a W^-m with c, a >= 0 and m in [0, 10] (dark-matter paper, Fig. 1).

    The widths are scaled by their geometric mean while fitting, which makes c, a and m about equally
    well determined; the standard errors are those of the linearised problem at the solution.

    Raises
    ------
    AnatomyError: fewer than three widths.
    """
    from scipy.optimize import least_squares

    width, fvu = np.asarray(width, float), np.asarray(fvu, float)
    if len(np.unique(width)) < MIN_WIDTHS:
        raise AnatomyError(
            f"a power law with a constant needs {MIN_WIDTHS} widths or more, here are {len(np.unique(width))}; "
            "add widths to the SAEs of dark_matter.saes at dark_matter.main"
        )
    scale = np.exp(np.log(width).mean())
    relative = width / scale

    def residual(p: np.ndarray) -> np.ndarray:
        return p[0] + p[1] * relative ** -p[2] - fvu

    starts = [
        (fvu.min() * share, max(np.ptp(fvu), 1e-12), m) for share in (0.1, 0.9) for m in (0.3, 1.0)
    ]
    bounds = ([0, 0, 0], [np.inf, np.inf, MAX_EXPONENT])
    tolerances = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    fits = [least_squares(residual, start, bounds=bounds, **tolerances) for start in starts]
    best = min(fits, key=lambda fit: fit.cost)
    c, a_relative, m = best.x
    a = a_relative * scale**m
    errors = np.full(3, np.nan)
    if len(width) > 3:
        # Derivatives by c, a, m of the unscaled law, so that the errors are those of what is reported.
        power = width**-m
        jacobian = np.stack([np.ones_like(width), power, -a * power * np.log(width)], 1)
        # Columns of one size: W^-m is so small at large widths that pinv would take it for nothing.
        norms = np.linalg.norm(jacobian, axis=0)
        norms[norms == 0] = 1
        variance = 2 * best.cost / (len(width) - 3)
        errors = np.sqrt((np.linalg.pinv(jacobian / norms) ** 2).sum(1) * variance) / norms
    return PowerLaw(float(c), float(a), float(m), *(float(error) for error in errors))


def law_intervals(
    law: PowerLaw, width: np.ndarray, fvu: np.ndarray
) -> dict[str, tuple[float, float]]:
    """95 % intervals of c, a and m by profile likelihood, so of possible laws alone.

    A value is in its interval if with it fixed, and the other two fitted anew, the squared residuals
    are at most (1 + F / (n - 3)) times those of the best fit, F being the 95 % point of F(1, n - 3).
    Laws have 0 <= c <= the smallest FVU, a >= 0 and 0.001 <= m <= 10; where an interval ends there, the
    data do not say more. It covers how FVUs scatter about the law, not an error that all of them share.
    NaN with three widths, whose fit leaves no residuals.
    """
    from scipy.stats import f as f_distribution

    width, fvu = np.asarray(width, float), np.asarray(fvu, float)
    n = len(width)
    if n <= 3:
        return dict.fromkeys("cam", (np.nan, np.nan))
    # Given m the law is linear and its residuals are convex in c and a, so only m needs a grid.
    near = law.m + np.linspace(-8, 8, 801) * np.nan_to_num(law.m_se)
    m = np.concatenate([np.geomspace(1e-3, MAX_EXPONENT, 2000), near])
    m = np.unique(m.clip(1e-3, MAX_EXPONENT))
    scale = np.exp(np.log(width).mean())
    power = (width / scale) ** -m[:, None]
    lowest = fvu.min()

    def best_a(c: np.ndarray) -> np.ndarray:
        slope = ((fvu - c[:, None]) * power).sum(1) / (power**2).sum(1)
        return np.maximum(slope, 0)

    def best_c(a: np.ndarray) -> np.ndarray:
        return (fvu - a[:, None] * power).mean(1).clip(0, lowest)

    def squares(c: np.ndarray, a: np.ndarray) -> np.ndarray:
        return ((fvu - c[:, None] - a[:, None] * power) ** 2).sum(1)

    centred = power - power.mean(1, keepdims=True)
    slope = np.maximum(centred @ fvu / (centred**2).sum(1), 0)
    c = (fvu.mean() - slope * power.mean(1)).clip(0, lowest)
    a, least = best_a(c), squares(c, best_a(c))
    limit = least.min() * (1 + f_distribution.ppf(COVERAGE, 1, n - 3) / (n - 3))
    # Of other exponents nothing is in an interval.
    kept = least <= limit
    m, power, a, c = m[kept], power[kept], a[kept], c[kept]
    # No residual can be beyond the limit, which with c >= 0 bounds a.
    most = ((fvu + np.sqrt(limit)) / power).min(1)
    none = np.zeros(len(m))

    def at_c(c: np.ndarray) -> np.ndarray:
        return squares(c, best_a(c)) - limit

    def at_a(a: np.ndarray) -> np.ndarray:
        return squares(best_c(a), a) - limit

    ends = {
        "c": (_edge(at_c, c, none), _edge(at_c, c, none + lowest)),
        "a": (_edge(at_a, a, none) * scale**m, _edge(at_a, a, most) * scale**m),
        "m": (m, m),
    }
    found = {}
    for name, (low, high) in ends.items():
        value = getattr(law, name)
        found[name] = (min(float(low.min()), value), max(float(high.max()), value))
    return found


def _edge(
    excess: Callable[[np.ndarray], np.ndarray], inside: np.ndarray, outside: np.ndarray
) -> np.ndarray:
    """Where a function that is convex along each row stops being at most 0, between two points."""
    for _ in range(60):
        middle = (inside + outside) / 2
        within = excess(middle) <= 0
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    return inside


def horizontal_interval(values: np.ndarray) -> tuple[float, float]:
    """Student's 95 % interval of the level of `fit_horizontal`, which is no less than 0."""
    from scipy.stats import t

    level, error = fit_horizontal(values)
    half = t.ppf((1 + COVERAGE) / 2, len(values) - 1) * error if len(values) > 1 else np.nan
    return float(np.maximum(level - half, 0)), float(level + half)


def fit_horizontal(values: np.ndarray) -> tuple[float, float]:
    """The horizontal line through values: their mean, and its standard error."""
    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(error)
