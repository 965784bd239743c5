"""How much of a latent is kept to be looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# Where the parts of a latent's range of activations end, as shares of its maximum.
EDGES = (0.10, 0.25, 0.50, 0.75)
STRATA = len(EDGES) + 1


@dataclass(frozen=True)
class Extent:
    """`contexts` strongest contexts of a latent and `per_stratum` firings of each part of its range, in
    windows of `window` tokens; `bins` of its histogram; `logits` promoted and as many suppressed tokens."""

    contexts: int = 12
    per_stratum: int = 2
    window: int = 21
    bins: int = 32
    logits: int = 10

    @classmethod
    def of(cls, explorer: Mapping[str, Any] | None) -> "Extent":
        """What the configuration's `explorer` block asks for; the defaults without one."""
        if explorer is None:
            return cls()
        return cls(explorer["windows"], explorer["per_stratum"], explorer["window"])


def shares_of_maximum(activations: np.ndarray, maximum: np.ndarray) -> np.ndarray:
    """Activations (n, W) of latents with these maxima (n,), as uint8: 255 is the maximum, 0 only where silent."""
    share = activations.astype(np.float64) / np.maximum(maximum, 1e-30)[:, None]
    shown = np.rint(255 * share).astype(np.uint8)
    return np.where(activations > 0, np.maximum(shown, 1), 0).astype(np.uint8)


def strata_of(value: np.ndarray, maximum: np.ndarray) -> np.ndarray:
    """The part of its latent's range that each activation is in, 1 to 5; (n,) int64 of (n,) float32 each.

    A part has its lower edge and not its upper one; the last has the maximum too.
    """
    share = value.astype(np.float64) / maximum.astype(np.float64)
    return 1 + np.searchsorted(EDGES, share, side="right")
