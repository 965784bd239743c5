"""Windows: a few tokens in a row, with a latent's activations and the labels of each position."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore, read

LabelContext = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Windows:
    """n windows of W tokens; all arrays start with n.

    tokens (n, W) int32; activations (n, W) float32 of the latent; labels (n, W) uint64, see
    `labels`, zero without a labeller; context (n,) and start (n,) int64, where it lies.
    """

    tokens: np.ndarray
    activations: np.ndarray
    labels: np.ndarray
    context: np.ndarray
    start: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def take(self, which: Any) -> "Windows":
        return Windows(
            self.tokens[which],
            self.activations[which],
            self.labels[which],
            self.context[which],
            self.start[which],
        )


def gather(
    store: ActivationStore,
    codes: Any,
    latents: np.ndarray,
    window: int,
    plans: Sequence[np.ndarray],
    label_context: LabelContext | None,
) -> Windows:
    """Read the windows of several latents, in one pass over the store.

    `plans` has, for each of the `latents`, the contexts and starts of its windows in its first two
    columns. Returns the windows of all plans in their order.
    """
    context, start = np.concatenate([plan[:, :2] for plan in plans]).T
    number = np.repeat(np.arange(len(plans)), [len(plan) for plan in plans])
    positions, offsets = store.shape[1], np.arange(window)
    shape = (len(context), window)
    tokens = np.zeros(shape, dtype=np.int32)
    activations = np.zeros(shape, dtype=np.float32)
    labels = np.zeros(shape, dtype=np.uint64)
    for block in store.block_slices():
        here = np.flatnonzero((context >= block.start) & (context < block.stop))
        if not len(here):
            continue
        at = (context[here, None] - block.start, start[here, None] + offsets)
        block_tokens = read(store.group["tokens"], block, store.path)
        tokens[here] = block_tokens[at]
        if label_context:
            documents = read(store.group["documents"], block, store.path)
            block_labels = np.zeros(block_tokens.shape, dtype=np.uint64)
            for row in np.unique(at[0]):
                block_labels[row] = label_context(block_tokens[row], documents[row])
            labels[here] = block_labels[at]
        rows = codes.rows(block)
        # Latents ascend in a token and tokens in a block: an activation is found by bisection, unsorted.
        width = rows.shape[1]
        of_token = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
        places = of_token * width + rows.indices
        wanted = (at[0] * positions + at[1]) * width + latents[number[here], None]
        found = np.minimum(np.searchsorted(places, wanted), max(len(places) - 1, 0))
        values = np.zeros(wanted.shape, dtype=np.float32)
        if len(places):
            hit = (places[found] == wanted) & (rows.data[found] > 0)
            hit &= store.units.used(block)[at]
            values[hit] = rows.data[found[hit]]
        activations[here] = values
    return Windows(tokens, activations, labels, context, start)
