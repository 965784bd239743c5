"""The windows of the strongest activations of latents, where nothing has to be tested on others."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from workflow_scripts.anatomy.activations.store import ActivationStore
from workflow_scripts.anatomy.base.errors import AnatomyError
from workflow_scripts.anatomy.interpretability.peaks import Best, firings, peaks, window_start
from workflow_scripts.anatomy.interpretability.windows import Windows, gather


@dataclass(frozen=True)
class Strongest:
    """The strongest windows of n latents, those of a latent together, the strongest first.

    windows: of all latents. bounds: (n + 1,) int64, where each latent's begin in them.
    """

    windows: Windows
    bounds: np.ndarray

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def of(self, at: int) -> Windows:
        """The windows of the latent at this place."""
        return self.windows.take(slice(self.bounds[at], self.bounds[at + 1]))

    def __iter__(self) -> Iterator[Windows]:
        return (self.of(at) for at in range(len(self)))


def strongest_windows(
    store: ActivationStore,
    codes: Any,
    latents: np.ndarray,
    window: int,
    number: int,
    contexts: np.ndarray | None = None,
) -> Strongest:
    """The windows about the `number` largest peaks of each latent, fewer where it has fewer.

    Parameters
    ----------
    store, codes: as of `examples.draw_examples`.
    latents: (n,) int, which columns of the codes.
    window: tokens in a window; a peak is the largest activation of its window.
    contexts: (contexts,) bool, where to look; None for everywhere. With `examples.explanation_half`
        the windows are those of `LatentExamples.top`.

    Raises
    ------
    AnatomyError: contexts too short for the window.
    """
    latents = np.asarray(latents, dtype=np.int64)
    positions, first = store.shape[1], store.min_position
    if positions - first < window:
        raise AnatomyError(
            f"interpretability: window {window} does not fit in {store.path}, where "
            f"{positions - first} positions of each context count; choose a smaller window"
        )
    best = Best(len(latents), number, by_value=True)
    for block in store.block_slices():
        fired = firings(codes, block, latents, store.units.used(block))
        peak = fired.take(peaks(fired, window, first, positions))
        best.add(peak if contexts is None else peak.take(contexts[peak.context]))
    places = best.places()
    bounds = np.searchsorted(places.latent, np.arange(len(latents) + 1))
    start = window_start(places.position, window, first, positions)
    rows = np.stack([places.context, start], axis=1)
    plans = [rows[begin:end] for begin, end in pairwise(bounds)]
    return Strongest(gather(store, codes, latents, window, plans, None), bounds)
