"""What a capability costs to remove: activations of a site edited, and the model resumed from them.

An edit is made at every position that counts from the harvest's `min_position` on, whatever comes next: what
is removed is gone for all tokens. At positions whose next token is of the capability's groups the shares of
the right group are summed; at all others KL(P || Q), with P the model's prediction as it is and Q the one
after the edit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.interventions.capability import Capability
from workflow_scripts.anatomy.interventions.substitution_losses import Batch, SubstitutedModel
from workflow_scripts.anatomy.models.losses import kl_from_logits
from workflow_scripts.anatomy.saes.dictionary import Dictionary


class Amount(NamedTuple):
    """How much is taken away: so many latents or dimensions, with this share of each."""

    n: int
    strength: float = 1.0


# x (n, d) float32 -> what takes its place, for one amount after the other.
Edits = Callable[[Tensor], Iterator[tuple[Amount, Tensor]]]


@dataclass(frozen=True)
class LatentAblation:
    """Takes away what the first of some latents add to x; the SAE's error stays.

    ranked: latents, int64, in the order in which they are taken; counts: how many at a time, ascending.
    """

    dictionary: Dictionary
    ranked: Tensor
    counts: Sequence[int]

    def __call__(self, x: Tensor) -> Iterator[tuple[Amount, Tensor]]:
        codes = self.dictionary.encode(x)
        place = torch.full((self.dictionary.width,), -1, device=x.device)
        place[self.ranked] = torch.arange(len(self.ranked), device=x.device)
        at = place[codes.indices.long()]
        kept = at >= 0
        active = x.new_zeros(len(x), len(self.ranked))
        active[codes.rows[kept], at[kept]] = codes.values[kept]
        added = self.dictionary.W_dec[self.ranked] / self.dictionary.input_scale
        for n in self.counts:
            yield Amount(n), x - active[:, :n] @ added[:n]


@dataclass(frozen=True)
class SubspaceAblation:
    """Takes x - mean off the span of the first of some directions.

    mean (d,), basis (d, n): orthonormal, float64, the first j columns spanning the first j directions.
    """

    mean: Tensor
    basis: Tensor
    counts: Sequence[int]

    @classmethod
    def of(cls, mean: Tensor, ranked: Tensor, counts: Sequence[int]) -> "SubspaceAblation":
        """From directions (n, d) in the order in which they are taken."""
        basis, _ = torch.linalg.qr(ranked[: max(counts)].double().T)
        return cls(mean.double(), basis, counts)

    def __call__(self, x: Tensor) -> Iterator[tuple[Amount, Tensor]]:
        along = (x.double() - self.mean) @ self.basis
        for n in self.counts:
            yield Amount(n), (x - along[:, :n] @ self.basis[:, :n].T).float()


@dataclass(frozen=True)
class PartialErasure:
    """Goes a share of the way from x to what a map makes of it.

    erase: (n, d) -> (n, d) float64; rank: number of dimensions that it takes away.
    """

    erase: Callable[[Tensor], Tensor]
    rank: int
    strengths: Sequence[float]

    def __call__(self, x: Tensor) -> Iterator[tuple[Amount, Tensor]]:
        step = self.erase(x) - x.double()
        for strength in self.strengths:
            yield Amount(self.rank, strength), (x + strength * step).float()


@dataclass(frozen=True)
class _Predicted:
    """Positions of a batch at which the model predicts: their class, and the document of what comes."""

    capability: Capability
    classes: np.ndarray
    places: np.ndarray
    documents: int

    def shares(self, logits: Tensor) -> np.ndarray:
        """Sums per document of the right group's share, (D, k) float64."""
        sums = []
        for number in range(len(self.capability.groups)):
            mask = self.classes == number
            odds = self.capability.log_odds(logits[torch.from_numpy(mask)].float())
            sums.append(self.by_document(mask, odds[:, number].sigmoid()))
        return np.stack(sums, 1)

    def counts(self) -> np.ndarray:
        """Positions of each group, (D, k) float64."""
        masks = [self.classes == number for number in range(len(self.capability.groups))]
        return np.stack([np.bincount(self.places[m], minlength=self.documents) for m in masks], 1)

    def by_document(self, mask: np.ndarray, values: Tensor) -> np.ndarray:
        weights = values.double().cpu().numpy()
        return np.bincount(self.places[mask], weights, self.documents)


@torch.no_grad()
def measure_edits(
    substituted: SubstitutedModel, capability: Capability, edits: Mapping[str, Edits]
) -> tuple[dict[str, np.ndarray], dict[tuple[str, Amount], dict[str, np.ndarray]]]:
    """Capability and KL elsewhere under each of some edits, as sums per document.

    Returns
    -------
    of the model as it is: ``share_clean`` and ``positions`` (D, k), ``elsewhere`` (D,), float64;
    (name of the edit, amount) -> ``share_edited`` (D, k), ``kl`` (D,), float64. Documents are those of
    the tokens that are predicted.
    """
    clean_sums: dict[str, np.ndarray] = {}
    found: dict[tuple[str, Amount], dict[str, np.ndarray]] = {}
    first, done = substituted.first, 0

    def predicted(x: Tensor, batch: Batch) -> Tensor:
        return substituted.logits(x, batch)[:, first:-1].flatten(0, 1)

    for batch in substituted.batches():
        shape = batch.x.shape
        at = _Predicted(
            capability,
            capability.classes(batch.ids.cpu().numpy())[:, first:-1].ravel(),
            substituted.places[done : done + shape[0], 1:].ravel(),
            substituted.n_documents,
        )
        # Where a document ends there is nothing to predict, and nothing to edit.
        used = substituted.used[done : done + shape[0]]
        elsewhere_too = (at.classes < 0) & (used[:, :-1] & used[:, 1:]).ravel()
        done += shape[0]
        other = torch.from_numpy(elsewhere_too)
        logits = predicted(batch.x, batch)
        elsewhere = np.bincount(at.places[elsewhere_too], minlength=at.documents)
        here = {"share_clean": at.shares(logits), "positions": at.counts(), "elsewhere": elsewhere}
        _add(clean_sums, here)
        clean = logits[other].float().log_softmax(-1)
        for name, edit in edits.items():
            for amount, replaced in edit(batch.x.flatten(0, 1)):
                logits = predicted(batch.replaced(replaced, first), batch)
                kl = kl_from_logits(clean, logits[other])
                here = {"share_edited": at.shares(logits), "kl": at.by_document(elsewhere_too, kl)}
                _add(found.setdefault((name, amount), {}), here)
    return clean_sums, found


def _add(sums: dict[str, np.ndarray], more: Mapping[str, np.ndarray]) -> None:
    for name, part in more.items():
        sums[name] = sums.get(name, 0.0) + part
