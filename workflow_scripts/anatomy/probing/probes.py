"""Logistic probes: their penalty set on training documents alone, their weights in the units of the features."""

from dataclasses import dataclass

import numpy as np

# Inverse strengths of the L2 penalty on standardised features, of which one is taken.
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
FOLDS = 5
MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class Probe:
    """A linear classifier, ``features @ weights + intercept > 0``; weights (f,) float64.

    strength: the inverse penalty that was chosen.
    """

    weights: np.ndarray
    intercept: float
    strength: float

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Log odds, (n,) float64, of features (n, f)."""
        return np.asarray(features, np.float64) @ self.weights + self.intercept


def fit_probe(features: np.ndarray, positive: np.ndarray, documents: np.ndarray) -> Probe:
    """Fit a probe on training examples.

    Features are standardised. The strength is the one with the lowest mean log loss over folds of
    whole documents; where documents are too few for folds, it is 1.

    Parameters
    ----------
    features: (n, f); positive: (n,) bool, of both kinds; documents: (n,) int.
    """
    x = np.asarray(features, np.float64)
    strength = _best_strength(x, positive, documents)
    return _fitted(x, positive, strength)


def _best_strength(x: np.ndarray, positive: np.ndarray, documents: np.ndarray) -> float:
    from sklearn.metrics import log_loss
    from sklearn.model_selection import GroupKFold

    folds = min(FOLDS, len(np.unique(documents)))
    if folds < 2:
        return 1.0
    losses = []
    for train, held_out in GroupKFold(folds).split(x, positive, documents):
        if len(np.unique(positive[train])) < 2:
            continue
        probes = [_fitted(x[train], positive[train], strength) for strength in STRENGTHS]
        chances = [1 / (1 + np.exp(-probe.scores(x[held_out]))) for probe in probes]
        losses.append([log_loss(positive[held_out], each, labels=[0, 1]) for each in chances])
    if not losses:
        return 1.0
    return STRENGTHS[int(np.mean(losses, 0).argmin())]


def _fitted(x: np.ndarray, positive: np.ndarray, strength: float) -> Probe:
    from sklearn.linear_model import LogisticRegression

    mean, spread = x.mean(0), x.std(0)
    # A feature that is the same everywhere tells nothing; rounding leaves it a tiny spread.
    spread[spread <= 1e-12 * np.abs(mean)] = 1.0
    model = LogisticRegression(C=strength, max_iter=MAX_ITERATIONS)
    model.fit((x - mean) / spread, positive)
    weights = model.coef_[0] / spread
    return Probe(weights, float(model.intercept_[0] - weights @ mean), strength)
