"""What explanations are made from, and by what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.interpretability import Settings


@dataclass(frozen=True)
class Explainer:
    """The harvest that the codes are of, the text of every token, and two blocks of the configuration.

    settings: `interpretability`. block: `canonical_units.explanations`.
    """

    store: ActivationStore
    strings: Sequence[str]
    settings: Settings
    block: dict[str, Any]
    seed: int

    @property
    def offline(self) -> bool:
        """Whether there is no language model."""
        return self.settings.backend == "offline"
