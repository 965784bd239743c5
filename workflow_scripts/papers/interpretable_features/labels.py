"""Training tokens by what comes next: what an erasure is fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interventions.capability import ELSEWHERE, Capability
from workflow_scripts.anatomy.statistics.splits import Split


@dataclass(frozen=True)
class LabelledTokens:
    """Training tokens whose next token is of the capability's groups or a rival.

    A group is a class, and the rivals, where there are any, are the last one.
    """

    store: ActivationStore
    site: str
    split: Split
    capability: Capability

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.capability.groups) + (len(self.capability.rivals) > 0)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Contexts, which of their tokens these are, (c, T) bool, and their classes, (n,) int64."""
        for block in self.store.block_slices():
            tokens = read(self.store.group["tokens"], block, self.store.path)
            classes = self.capability.classes(tokens)
            kept = self.split.masks(block, classes.shape[1])[0] & (classes != ELSEWHERE)
            yield block, kept, np.where(classes < 0, len(self.capability.groups), classes)[kept]

    def activations(self, device: str = "cpu") -> Iterator[tuple[Tensor, Tensor]]:
        """x (n, d) float32 and classes (n,) int64, block by block."""
        array = self.store.activations(self.site)
        for block, kept, classes in self.blocks():
            x = torch.from_numpy(read(array, block, self.store.path)[kept])
            yield x.to(device), torch.from_numpy(classes).to(device)

    def counts(self) -> np.ndarray:
        """Tokens of each class, (classes,) int64."""
        found = np.concatenate([classes for _, _, classes in self.blocks()])
        return np.bincount(found, minlength=self.classes)

    def whole_contexts(self, wanted: int) -> list[int]:
        """`wanted` of the contexts all of whose tokens are trained on, evenly spread, or all of them.

        With the split ``paper``, which leaves no context to one side, of all contexts.

        Raises
        ------
        AnatomyError: every context has held-out tokens.
        """
        contexts, positions = self.store.shape
        whole = np.arange(contexts)
        if self.split.kind != "paper":
            blocks = self.store.block_slices()
            mixed = [self.split.masks(block, positions)[1].any(1) for block in blocks]
            whole = np.flatnonzero(~np.concatenate(mixed))
        if not len(whole):
            raise AnatomyError(
                f"{self.store.path}: every context has held-out tokens, so nothing can be chosen on "
                "training documents; raise analysis.train_fraction or the harvest's contexts"
            )
        wanted = min(wanted, len(whole))
        return whole[np.arange(wanted) * len(whole) // wanted].tolist()
