"""Patterns of tokens and labels, and where they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workflow_scripts.anatomy.interpretability.labels import BIT, LABELS
from workflow_scripts.anatomy.interpretability.windows import Windows

# How far back the token of `since` may lie.
REACH = 8


@dataclass(frozen=True)
class Pattern:
    """A condition on a position: all parts that are not None, or empty, must hold.

    token: it is this token. labels: it has these labels. after: the token before it is this one.
    since: one of the `REACH` tokens before it is this one. weight: mean activation of the latent
    where the pattern holds and the latent fires, over the latent's largest; precision: share of
    the positions where it holds, in the explanation's windows, at which the latent fires;
    recall: share of the active windows that it catches and earlier patterns do not.
    """

    token: int | None = None
    labels: tuple[str, ...] = ()
    after: int | None = None
    since: int | None = None
    weight: float = 0.0
    precision: float = 0.0
    recall: float = 0.0

    @property
    def conditions(self) -> int:
        parts = (self.token, self.after, self.since)
        return len(self.labels) + sum(part is not None for part in parts)


class Positions:
    """The tokens and labels of windows, ready to be matched against many patterns."""

    def __init__(self, windows: Windows):
        # Column-major: whether a pattern holds anywhere in a window is then a fast reduction.
        self.tokens, self.bits = (
            np.asfortranarray(windows.tokens),
            np.asfortranarray(windows.labels),
        )
        self.activations = np.asfortranarray(windows.activations)
        # What lies before a window is unknown, which no token equals.
        self.before = np.full_like(self.tokens, -1)
        self.before[:, 1:] = windows.tokens[:, :-1]
        self.known: dict[tuple[str, int], np.ndarray] = {}

    def matches(self, pattern: Pattern) -> np.ndarray:
        """Where a pattern holds, (n, W) bool."""
        parts = [("label", LABELS.index(label)) for label in pattern.labels]
        names = ("token", "after", "since")
        parts += [(name, value) for name in names if (value := getattr(pattern, name)) is not None]
        for part in parts:
            if part not in self.known:
                self.known[part] = self._part(*part)
        if not parts:
            return np.ones_like(self.tokens, dtype=bool)
        found = self.known[parts[0]]
        for part in parts[1:]:
            found = found & self.known[part]
        return found

    def _part(self, name: str, value: int) -> np.ndarray:
        if name == "label":
            return (self.bits & BIT[LABELS[value]]) != 0
        if name == "since":
            equal = self.before == value
            found = equal.copy()
            for back in range(1, REACH):
                found[:, back:] |= equal[:, :-back]
            return found
        return (self.tokens if name == "token" else self.before) == value


def predict(patterns: Sequence[Pattern], windows: Windows) -> np.ndarray:
    """Predicted activation over the latent's largest, (n, W) float32: the best matching weight."""
    positions = Positions(windows)
    predicted = np.zeros(windows.tokens.shape, dtype=np.float32)
    for pattern in patterns:
        weights = positions.matches(pattern) * np.float32(pattern.weight)
        np.maximum(predicted, weights, out=predicted)
    return predicted
