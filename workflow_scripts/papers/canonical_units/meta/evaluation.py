"""How well meta-SAEs rebuild the directions that they were trained on, with intervals over latents."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from workflow_scripts.anatomy.base.tables import with_interval
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.bootstrap import LEVELS, data_and_resamples
from workflow_scripts.papers.canonical_units.meta.directions import decompose, squares


@dataclass(frozen=True)
class Evaluation:
    """A meta-SAE on the directions (n, d) that it was trained on.

    Whatever is compared is resampled together: the same latents are drawn for everything that was made with
    the same `draws` and `seed`.
    """

    meta: Dictionary
    rows: Tensor
    draws: int
    seed: int

    @cached_property
    def active(self) -> np.ndarray:
        """(n,) int64, meta-latents active on each direction."""
        return np.diff(self.codes.indptr)

    @cached_property
    def codes(self) -> Any:
        """(n, meta width), a csr_matrix."""
        return decompose(self.meta, self.rows)

    @property
    def fires(self) -> np.ndarray:
        """(meta width,) bool, which meta-latents are active on any direction."""
        return np.bincount(self.codes.indices, minlength=self.meta.width) > 0

    @cached_property
    def explained(self) -> np.ndarray:
        """Variance explained on the directions, and on resamples of them, (1 + draws,) float64."""
        return resampled_explained(
            self.rows.double().numpy(), squares(self.meta, self.rows), self.draws, self.seed
        )

    @property
    def l0(self) -> np.ndarray:
        """Mean of `active`, and of its resamples, (1 + draws,)."""
        return (
            data_and_resamples(len(self.active), self.draws, self.seed)
            @ self.active
            / len(self.active)
        )

    @property
    def active_sd(self) -> np.ndarray:
        """Standard deviation of `active`, and of its resamples, (1 + draws,)."""
        weights = data_and_resamples(len(self.active), self.draws, self.seed) / len(self.active)
        # About the mean, which cancels, so that nothing is lost where all have about as many.
        off = self.active - self.active.mean()
        return np.sqrt(np.maximum(weights @ off**2 - (weights @ off) ** 2, 0))

    def columns(self) -> dict[str, Any]:
        """The columns of a table that every meta-SAE has."""
        low, high = np.quantile(self.active, (0.05, 0.95))
        return {
            **with_interval("l0", interval(self.l0)),
            "active_q05": low,
            "active_q95": high,
            **with_interval("active_sd", interval(self.active_sd)),
            **with_interval("variance_explained", interval(self.explained)),
            "dead_meta_latents": int((~self.fires).sum()),
        }


def resampled_explained(rows: np.ndarray, errors: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """1 - sum error / sum |w - mean w|^2 over directions, and over resamples of them; the mean is that of each.

    Parameters
    ----------
    rows: (n, d) float64. errors: (n,) float64, squared errors.

    Returns
    -------
    (1 + draws,) float64, the data first.
    """
    weights = data_and_resamples(len(rows), draws, seed)
    total = weights @ (rows**2).sum(1) - ((weights @ rows) ** 2).sum(1) / len(rows)
    return 1 - weights @ errors / total


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Value and 95 % interval of what was measured on the data, first, and on resamples, (1 + draws,)."""
    low, high = np.quantile(values[1:], LEVELS)
    return float(values[0]), float(low), float(high)
