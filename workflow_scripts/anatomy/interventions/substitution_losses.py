"""Losses of a language model in which the activations at one hook point are replaced.

From a residual stream only the layers after it are run. A site inside a layer (mlp_out, attn_out, z)
is replaced while the model resumes from the residual stream that enters that layer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.anatomy.activations.store import ActivationStore, read
from workflow_scripts.anatomy.codes.reconstruct import check_fits
from workflow_scripts.anatomy.models.hook_points import capturing, parse
from workflow_scripts.anatomy.models.losses import token_losses
from workflow_scripts.anatomy.models.substituting import resumed, substituting
from workflow_scripts.anatomy.saes.dictionary import Dictionary
from workflow_scripts.anatomy.statistics.regression import LinearMap

BATCH_CONTEXTS = 8
# Batches are kept for the next substitution as long as they fit; the others are read again.
KEPT_BYTES = 1 << 30

# x (n, d) float32 -> what takes its place by name, and vectors whose norms are wanted; all (n, d).
Replace = Callable[[Tensor], tuple[dict[str, Tensor], dict[str, Tensor]]]


@dataclass(frozen=True)
class Batch:
    """Some contexts: x (n, T, d) float32 at the site, ids (n, T) int64, and for a site inside a
    layer the residual stream that enters it, `entering` (n, T, d_model) in the model's dtype; `text`
    (n, T) bool, tokens that are no separators."""

    x: Tensor
    ids: Tensor
    entering: Tensor | None
    text: Tensor

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        parts = (self.x, self.ids, self.entering)
        return sum(part.nbytes for part in parts if part is not None)

    def used(self, first: int) -> Tensor:
        """Which positions are replaced, (n, T) bool: those of text, from `first` on."""
        return self.text & (torch.arange(self.text.shape[1], device=self.text.device) >= first)

    def replaced(self, new: Tensor, first: int) -> Tensor:
        """x with `new` (n * T, d) in its place wherever it is replaced, (n, T, d)."""
        new = new.to(self.x.dtype).reshape(self.x.shape)
        return torch.where(self.used(first)[..., None], new, self.x)


class SubstitutedModel:
    """A model, one of its hook points, and the contexts of a harvest on which it is replaced.

    Parameters
    ----------
    model: of transformers, in evaluation mode, on `device`.
    store: a harvest of it that holds `site`; contexts: numbers of the contexts to run.

    Positions from the harvest's `min_position` on are replaced, and losses of the tokens after the
    first of these are counted: earlier ones see no change. Separators of documents, where they do not
    count, are neither replaced nor among the tokens whose loss is counted.
    """

    def __init__(
        self, model: Any, store: ActivationStore, site: str, contexts: list[int], device: str
    ):
        self.model, self.store, self.site = model, store, site
        self.contexts, self.device, self.first = contexts, device, store.min_position
        self.layer, kind = parse(site)
        self.in_stream = kind.startswith("resid_")
        which = kind.removeprefix("resid_") if self.in_stream else "pre"
        self.resume = resumed(model, self.layer, which)
        one_by_one, units = [slice(at, at + 1) for at in contexts], store.units
        places = np.concatenate([units.places(one) for one in one_by_one])[:, self.first :]
        self.used = np.concatenate([units.used(one) for one in one_by_one])[:, self.first :]
        # Tokens that do not count take no part, so their documents need not either.
        documents = np.unique(places[self.used])
        self.n_documents = len(documents)
        self.places = np.searchsorted(documents, places).clip(max=max(len(documents) - 1, 0))
        self.kept: dict[int, Batch] = {}

    def measure(self, replace: Replace) -> dict[str, np.ndarray]:
        """Sums per document, (D,) float64, under everything that `replace` puts in the place of x.

        ``loss_NAME`` for what takes its place, in nats, over the counted tokens; ``VECTOR2`` and
        ``norm_VECTOR``, squared norms and norms of the vectors, over the replaced positions. Documents
        are the units of the harvest that these contexts have tokens of, in its order.
        """
        sums: dict[str, np.ndarray] = {}
        done = 0
        with torch.no_grad():
            for batch in self.batches():
                shape, first = batch.x.shape, self.first
                some = slice(done, done + shape[0])
                done += shape[0]
                of_tokens: dict[str, Tensor] = {}
                streams, vectors = replace(batch.x.flatten(0, 1))
                for name, stream in streams.items():
                    replaced = batch.replaced(stream, first)
                    losses = token_losses(self.logits(replaced, batch), batch.ids)
                    of_tokens[f"loss_{name}"] = losses[:, first + 1 :]
                for name, vector in vectors.items():
                    norms2 = (vector**2).sum(1).reshape(shape[:2])[:, first:]
                    of_tokens |= {f"{name}2": norms2, f"norm_{name}": norms2.sqrt()}
                for name, values in of_tokens.items():
                    sums[name] = sums.get(name, 0.0) + self._by_document(some, values)
        return sums

    def count(self) -> np.ndarray:
        """Tokens of each document whose loss is counted, (D,) float64."""
        return self._by_document(slice(None), torch.ones(self.places[:, 1:].shape))

    def _by_document(self, some: slice, values: Tensor) -> np.ndarray:
        """Sums of the values of tokens that count, the last ones of some of the contexts."""
        last = slice(self.places.shape[1] - values.shape[1], None)
        counted = self.used[some, last]
        weights = values.double().cpu().numpy()[counted]
        return np.bincount(self.places[some, last][counted], weights, self.n_documents)

    def batches(self) -> Iterator[Batch]:
        """The contexts, `BATCH_CONTEXTS` at a time."""
        for start in range(0, len(self.contexts), BATCH_CONTEXTS):
            batch = self.kept.get(start)
            if batch is None:
                batch = self._read(self.contexts[start : start + BATCH_CONTEXTS])
                if sum(each.bytes for each in self.kept.values()) + batch.bytes <= KEPT_BYTES:
                    self.kept[start] = batch
            yield batch

    def _read(self, contexts: list[int]) -> Batch:
        found = []
        for array in (self.store.activations(self.site), self.store.group["tokens"]):
            parts = [read(array, slice(at, at + 1), self.store.path) for at in contexts]
            found.append(torch.from_numpy(np.concatenate(parts)).to(self.device))
        x, ids = found[0], found[1].long()
        units = self.store.units
        words = np.concatenate([units.text(slice(at, at + 1)) for at in contexts])
        text = torch.from_numpy(words).to(self.device)
        if self.in_stream:
            return Batch(x, ids, None, text)
        name = f"blocks.{self.layer}.hook_resid_pre"
        with capturing(self.model, [name]) as captured:
            self.model(input_ids=ids, use_cache=False)
        return Batch(x, ids, captured[name].clone(), text)

    def logits(self, replaced: Tensor, batch: Batch) -> Tensor:
        """Logits (n, T, vocabulary) of a batch, with `replaced` (n, T, d) in the place of x."""
        if batch.entering is None:
            return self.resume(replaced, batch.ids)
        with substituting(self.model, {self.site: replaced}):
            return self.resume(batch.entering, batch.ids)


def baseline_losses(substituted: SubstitutedModel, mean: np.ndarray) -> dict[str, np.ndarray]:
    """What the losses under an SAE are compared with.

    mean: the mean activation of the site, (d,) float64.

    Returns ``loss_clean``, of the activations themselves; ``loss_zero`` and ``loss_mean``, of zero and
    mean ablation; ``count`` of the tokens; (D,) float64 each.
    """
    vector = torch.from_numpy(mean).to(substituted.device)

    def replace(x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        return {"clean": x, "zero": torch.zeros_like(x), "mean": vector.expand_as(x)}, {}

    return substituted.measure(replace) | {"count": substituted.count()}


def sae_losses(
    substituted: SubstitutedModel, dictionary: Dictionary, linear: LinearMap | None = None
) -> dict[str, np.ndarray]:
    """Losses under Sae(x), and with `linear`, the map b* of Eq. 11, with either part of the error back.

    Returns
    -------
    ``loss_sae``, ``error2`` and ``norm_error``; with `linear` also ``loss_linear_error`` (of Sae(x) +
    LinearError(x)), ``loss_nonlinear_error``, and ``linear2``, ``norm_linear``, ``nonlinear2``,
    ``norm_nonlinear``; (D,) float64 each.

    Raises
    ------
    AnatomyError: the SAE is of another width than the activations.
    """
    check_fits(dictionary, substituted.store, substituted.site)

    def replace(x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        reconstruction = dictionary.reconstruct(x)[1].double()
        error = x.double() - reconstruction
        if linear is None:
            return {"sae": reconstruction}, {"error": error}
        linear_error = linear(x)
        nonlinear_error = error - linear_error
        streams = {
            "sae": reconstruction,
            "linear_error": reconstruction + linear_error,
            "nonlinear_error": reconstruction + nonlinear_error,
        }
        return streams, {"error": error, "linear": linear_error, "nonlinear": nonlinear_error}

    return substituted.measure(replace)
