"""What a backend says about a latent: an explanation, and where it predicts the latent to fire."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workflow_scripts.anatomy.interpretability.examples import SILENT_WINDOW, LatentExamples

UNKNOWN = -1


@dataclass(frozen=True)
class Judgement:
    """The explanation of a latent and its test.

    explanation: a sentence, None where there is none. fires: (n,) int8 for the n detection
    windows, 1 where the explanation says that the latent fires in it, 0 where not, `UNKNOWN` where
    it could not be asked. problem: why there is no judgement, or only a part of one. details:
    what else the backend knows about its explanation, as JSON.
    """

    latent: int
    explanation: str | None
    fires: np.ndarray
    problem: str | None = None
    details: list[dict[str, Any]] = field(default_factory=list)


def unjudged(examples: LatentExamples, problem: str, explanation: str | None = None) -> Judgement:
    """The judgement of a latent that could not be judged."""
    fires = np.full(len(examples.detection), UNKNOWN, dtype=np.int8)
    return Judgement(examples.latent, explanation, fires, problem)


def correct(examples: LatentExamples, judgement: Judgement) -> np.ndarray:
    """Whether each detection window was judged rightly, (n,) float64; NaN where not asked."""
    right = (judgement.fires == 1) == (examples.quantile != SILENT_WINDOW)
    return np.where(judgement.fires == UNKNOWN, np.nan, right)
