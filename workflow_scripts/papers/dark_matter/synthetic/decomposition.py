"""Split the error of a reconstruction that fits in memory into linear and nonlinear parts.

Equations 11 and 12 of the dark matter paper for synthetic data: b* is least squares with an
intercept from x to x - Sae(x) on the training tokens, everything is scored on the others. The
estimates of Dense and Introduced are those of its Appendix B.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.anatomy.base.errors import AnatomyError

# A direction with less than this share of the largest variance is rounding error: x' = Sae(x)
# spans fewer dimensions than d where few latents are alive.
RANK_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Decomposition:
    """Error of a reconstruction on held-out tokens.

    Per held-out token (n,): `residual` ||x - Sae(x)||^2 and `residual_nonlinear`
    ||x - Sae(x) - b*x||^2; `x` is the held-out (n, d) activations; `error_r2` is the mean over
    dimensions of the R^2 of predicting SaeError from x (dimensions without error are left out).
    """

    x: NDArray
    residual: NDArray
    residual_nonlinear: NDArray
    error_r2: float

    @property
    def total(self) -> float:
        """Total sum of squares of x about its mean."""
        return float(((self.x - self.x.mean(axis=0)) ** 2).sum())

    @property
    def fvu(self) -> float:
        """Fraction of variance unexplained by Sae(x)."""
        return float(self.residual.sum()) / self.total

    @property
    def fvu_nonlinear(self) -> float:
        """Fraction of variance unexplained by Sae(x) + b*x (Eq. 12)."""
        return float(self.residual_nonlinear.sum()) / self.total

    def resampled(self, weights: NDArray) -> tuple[NDArray, NDArray]:
        """FVU and FVU_nonlinear under resampling weights (resamples, n); each (resamples,)."""
        sums, squares = weights @ self.x, weights @ (self.x**2).sum(axis=1)
        total = squares - (sums**2).sum(axis=1) / weights.sum(axis=1)
        return weights @ self.residual / total, weights @ self.residual_nonlinear / total


def decompose(x: NDArray, reconstruction: NDArray, train: NDArray) -> Decomposition:
    """Fit b* (Eq. 11) on the training tokens and score it on the others.

    Parameters
    ----------
    x: (tokens, d), activations.
    reconstruction: (tokens, d), Sae(x).
    train: (tokens,) bool; the tokens where it is False are held out.

    Raises
    ------
    AnatomyError: no held-out tokens, or no more training tokens than dimensions.
    """
    x = np.asarray(x, dtype=np.float64)
    error = x - np.asarray(reconstruction, dtype=np.float64)
    mean_x, mean_error = x[train].mean(axis=0), error[train].mean(axis=0)
    centred = x[train] - mean_x
    check_tokens(int(train.sum()), int((~train).sum()), x.shape[1])
    coefficients = solve(centred.T @ centred, centred.T @ (error[train] - mean_error))
    x, error = x[~train], error[~train]
    nonlinear = error - (x - mean_x) @ coefficients - mean_error
    unexplained = (nonlinear**2).sum(axis=0)
    total = ((error - error.mean(axis=0)) ** 2).sum(axis=0)
    has_error = total > 0
    r2 = 1 - unexplained[has_error] / total[has_error]
    return Decomposition(
        x=x,
        residual=(error**2).sum(axis=1),
        residual_nonlinear=(nonlinear**2).sum(axis=1),
        error_r2=float(r2.mean()) if has_error.any() else float("nan"),
    )


def solve(gram: NDArray, cross: NDArray) -> NDArray:
    """Least-squares coefficients from centred X'X (d, d) and X'Y (d, k), of least norm; (d, k)."""
    variances, axes = np.linalg.eigh(gram)
    kept = variances > RANK_TOLERANCE * variances[-1]
    axes = axes[:, kept]
    return axes @ ((axes.T @ cross) / variances[kept, None])


def check_tokens(train: int, held_out: int, d: int) -> None:
    """Raise AnatomyError where a regression on d dimensions could not be fitted or scored."""
    if train <= d + 1 or held_out < 2:
        raise AnatomyError(
            f"{train} training and {held_out} held-out tokens are too few for a regression on "
            f"{d} dimensions; raise the number of tokens or contexts of this experiment"
        )


def interval(values: NDArray) -> tuple[NDArray, NDArray]:
    """Ends of the 95 % percentile interval over the first axis, whose first row is the data."""
    low, high = np.percentile(values[1:], [2.5, 97.5], axis=0)
    return low, high


def estimate_introduced(fvu_nonlinear: NDArray) -> NDArray:
    """Introduced(x) as a share of variance: the level of the horizontal line through FVU_nonlinear.

    The last axis runs over dictionary sizes (or ablated fractions); the least-squares horizontal
    line is the mean over it.
    """
    return fvu_nonlinear.mean(axis=-1)


def estimate_dense(asymptote: NDArray, introduced: NDArray) -> NDArray:
    """Dense(x) as a share of variance: the gap between FVU's asymptote and the horizontal line."""
    return asymptote - introduced


def fit_asymptote(widths: NDArray, fvu: NDArray) -> NDArray:
    """Constant c of the least-squares fit FVU = c + a width^-p with a, c >= 0, 0.05 <= p <= 3.

    Parameters
    ----------
    widths: (k,), numbers of features that the dictionary knows, k >= 3.
    fvu: (..., k).

    Returns
    -------
    (...): c. For each exponent of a fine grid the fit is linear, so it is solved exactly; there is
    no starting point to depend on.
    """
    scaled = np.asarray(widths, dtype=np.float64) / np.min(widths)
    exponents = np.geomspace(0.05, 3, 100)
    best = np.full(fvu.shape[:-1], np.inf)
    constant = np.zeros(fvu.shape[:-1])
    mean = fvu.mean(axis=-1)
    for exponent in exponents:
        shape = scaled**-exponent
        centred = shape - shape.mean()
        slope = np.maximum(fvu @ centred / (centred @ centred), 0)
        level = mean - slope * shape.mean()
        # Where the free fit would put c below zero the best c is zero, and a is refitted.
        negative = level < 0
        slope = np.where(negative, np.maximum(fvu @ shape / (shape @ shape), 0), slope)
        level = np.where(negative, 0, level)
        misfit = ((fvu - level[..., None] - slope[..., None] * shape) ** 2).sum(axis=-1)
        better = misfit < best
        best, constant = np.where(better, misfit, best), np.where(better, level, constant)
    return constant
