"""What the arithmetic of Appendix C.1 should have given, computed for the notes of its claims."""

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.papers.dark_matter.measures.norm_theory import (
    correlation,
    paper_coefficients,
    weight_moments,
)


def printed_poisson_correlation(rate: NDArray) -> NDArray:
    """The correlation that the paper prints for equal Poisson rates, (n,) -> (n,), slip included.

    Its first root has 4 r^3 + 6 r^3 + r; the variance of a squared Poisson weight is 4 r^3 + 6 r^2 + r.
    """
    rate = np.asarray(rate, float)
    shared = 2 * rate**3 + 3 * rate**2 + rate
    return shared / np.sqrt((10 * rate**3 + rate) * (rate**3 + 2 * rate**2 + rate))


def true_poisson_correlation(rate: float) -> float:
    """The correlation of the paper's probe with the squared norm for equal Poisson rates."""
    moments = weight_moments("poisson", [rate])
    return correlation(moments, paper_coefficients(moments))


def poisson_note() -> str:
    """The numbers at rate 1."""
    return (
        f"the paper's arithmetic is wrong: it prints 6 / sqrt(66), which is {6 / np.sqrt(66):.4f} and "
        f"not 0.73; the roots at rate 1 are sqrt(11) sqrt(4) = sqrt({11 * 4}), so its own formula gives "
        f"{printed_poisson_correlation(np.ones(1))[0]:.4f}, and so does the right one, "
        f"{true_poisson_correlation(1):.4f}: the example supports the claim better than the paper says"
    )


def poisson_formula_note() -> str:
    """Where the printed formula cannot be a correlation."""
    half = printed_poisson_correlation(np.array([0.5]))[0]
    return (
        "the paper's formula is wrong: its first root has 6 rate^3 for 6 rate^2; at rate 0.5 it gives "
        f"{half:.4f}, {'more than a correlation can be' if half > 1 else ''}, where the right one gives "
        f"{true_poisson_correlation(0.5):.4f}"
    )


def frobenius_note() -> str:
    """Two features that contradict an expression of C.1 for the squared norm."""
    gram = np.array([[1, 0.5], [0.5, 1]])
    weights = np.ones(2)
    printed = (np.outer(weights, weights) * gram) ** 2
    return (
        "C.1 also writes the squared norm w'Gw as a squared Frobenius norm of (w'w) o G, and as the trace "
        "of wGw', whose shapes do not fit; for two unit features with inner product 0.5 and weights 1 the "
        f"former gives {printed.sum():g}, the squared norm is {weights @ gram @ weights:g}"
    )
