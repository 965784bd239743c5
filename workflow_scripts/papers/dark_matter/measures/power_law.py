"""FVU against SAE width: a power law with a constant, and the horizontal line of nonlinear error."""

from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.base.errors import AnatomyError

MIN_WIDTHS = 3


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
    bounds = ([0, 0, 0], [np.inf, np.inf, 10])
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


def fit_horizontal(values: np.ndarray) -> tuple[float, float]:
    """The horizontal line through values: their mean, and its standard error."""
    values = np.asarray(values, float)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(error)
